import { expect, it } from 'vitest';
import { quarantineUntil } from './quarantine.ts';

const minutes = (...at: number[]) => at.map((minute) => minute * 60_000);

it.each([
  ['never crashed', [], 0, null],
  ['twice', [1, 2], 3, null],
  ['three times at once', [1, 2, 3], 4, { untilMs: 33 * 60_000, crashes: 3 }],
  ['three times over an hour', [1, 20, 40], 41, null],
  ['served its time', [1, 2, 3], 33, null],
  ['once more after that', [1, 2, 3, 34], 35, null],
  ['in any order', [3, 1, 2], 4, { untilMs: 33 * 60_000, crashes: 3 }],
  ['a fourth, later one does not end it', [1, 2, 3, 20], 21, { untilMs: 33 * 60_000, crashes: 3 }],
])('%s', (_, crashes, nowMinute, expected) =>
  expect(quarantineUntil(minutes(...crashes), nowMinute * 60_000)).toEqual(expected),
);
