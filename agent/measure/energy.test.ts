import { expect, it } from 'vitest';
import { joulesBetween } from './energy.ts';

it.each([
  [{ microjoules: 1e6, range: 10e6 }, { microjoules: 4e6, range: 10e6 }, 3],
  [{ microjoules: 9e6, range: 10e6 }, { microjoules: 1e6, range: 10e6 }, 2],
  [null, { microjoules: 1e6, range: 10e6 }, null],
])('from %o to %o: %s J', (before, after, joules) => expect(joulesBetween(before, after)).toBe(joules));
