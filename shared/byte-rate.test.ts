import { expect, it } from 'vitest';
import { parseByteRate } from './byte-rate.ts';

it.each([
  ['500kB', 500_000],
  ['2 MB/s', 2_000_000],
  ['1.5MiB', 1_572_864],
  ['1g', 1e9],
  ['65536', 65_536],
])('reads %s', (text, bytesPerSecond) => expect(parseByteRate(text)).toEqual({ kind: 'rate', bytesPerSecond }));

it.each(['', 'fast', '-1MB', '2 MB/h', '10', '1e6', '0', '2kib/s/s', 'ib'])(
  'refuses "%s" and says what it expects',
  (text) =>
    expect(parseByteRate(text)).toMatchObject({
      kind: 'unreadable',
      message: expect.stringMatching(/expected|at least/),
    }),
);
