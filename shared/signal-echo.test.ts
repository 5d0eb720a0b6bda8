import { expect, it } from 'vitest';
import { isEcho } from './signal-echo.ts';

it.each([
  ['SIGINT', 'SIGINT', 300, true],
  ['SIGINT', 'SIGINT', 301, false],
  ['SIGTERM', 'SIGTERM', 5, false],
  ['SIGINT', 'SIGTERM', 5, false],
  ['SIGTERM', 'SIGINT', 5, false],
] as const)('%s, then %s after %d ms: heard twice is %s', (first, later, afterMs, echo) => {
  expect(isEcho({ signal: first, atMs: 1_000 }, { signal: later, atMs: 1_000 + afterMs })).toBe(echo);
});
