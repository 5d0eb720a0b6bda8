import { expect, test } from 'vitest';
import { plural } from './plural.ts';
import { ago, bytes, duration, latency, moment, parameters } from './units.ts';

test('three digits that matter, and the unit', () => {
  expect([0, 999, 1000, 12_345, 999_499, 999_500, 5e8, 16 * 2 ** 30].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '12.3 kB',
    '999 kB',
    '1.00 MB',
    '500 MB',
    '17.2 GB',
  ]);
  expect([0.4, 4.62, 46.25, 412.3, 999.6, 12_345].map(latency)).toEqual([
    '0.40 ms',
    '4.62 ms',
    '46.3 ms',
    '412 ms',
    '1.00 s',
    '12.3 s',
  ]);
  expect([12, 999, 24_100, 2_405_819, 4_700_000_000].map(parameters)).toEqual([
    '12',
    '999',
    '24.1 k',
    '2.41 M',
    '4.70 B',
  ]);
});

test('durations', () => {
  expect([0, 412, 9940, 9960, 59_400, 60_000, 125_000, 3 * 3600_000, 11_400_000, 4 * 86_400_000].map(duration)).toEqual(
    ['0.0 s', '0.4 s', '9.9 s', '10 s', '59 s', '1 min', '2 min 5 s', '3 h', '3 h 10 min', '4 d'],
  );
});

test('moments', () => {
  expect(moment(Date.UTC(2026, 0, 31, 17, 5, 59))).toBe('2026-01-31 17:05');
  expect(ago(1000, 1500)).toBe('now');
  expect(ago(0, 65_000)).toBe('1 min 5 s ago');
});

test('nouns', () => {
  expect([0, 1, 2].map((count) => plural(count, 'device'))).toEqual(['0 devices', '1 device', '2 devices']);
});
