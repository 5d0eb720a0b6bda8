import { describe, expect, it } from 'vitest';
import { sizeToKeep, staysBeside } from './keep-size.ts';

const size = (width: number, tiled = false) => ({ width, height: 64, tiled });
const [usual, other, third] = [size(64), size(32), size(96)];

describe('the size whose forms stay beside those of another', () => {
  it.each([
    ['the one before, where a size comes back', [other, usual, third], other, third],
    ['the one before, where the usual size comes back', [usual, other], usual, other],
    ['none beside a size that comes for the first time', [usual], other, null],
    ['none where the size stays, for nothing is compiled', [other, usual], usual, null],
    ['none beside a picture in tiles', [size(96, true), usual], size(96, true), null],
    ['none of a picture in tiles', [usual, size(96, true)], usual, null],
    ['none where a size comes back whole that was in tiles', [size(96, true), usual], third, null],
    ['none in an engine that painted nothing', [], usual, null],
  ])('is %s', (_, painted, asked, kept) => {
    expect(sizeToKeep(painted, asked)).toEqual(kept);
  });

  it('stays only with room for what a prediction may be wrong by', () => {
    expect([114e6, 115e6, 116e6].map((there) => staysBeside(100e6, there))).toEqual([false, true, true]);
  });
});
