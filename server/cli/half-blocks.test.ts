import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { halfBlocks } from './half-blocks.ts';

const RED = [255, 0, 0];
const TEAL = [0, 128, 128];
const png = (width: number, height: number, pixels: number[][]) =>
  encode({ width, height, data: new Uint8Array(pixels.flat()), channels: 3, depth: 8 });

test('a character holds two pixels, one above the other', () => {
  expect(halfBlocks(png(1, 2, [RED, TEAL]), 80)).toEqual(['\u001b[38;2;255;0;0;48;2;0;128;128m▀\u001b[0m']);
});

test('a picture of odd height repeats its last line', () => {
  const lines = halfBlocks(png(1, 3, [RED, TEAL, RED]), 80);
  expect(lines[1]).toBe('\u001b[38;2;255;0;0;48;2;255;0;0m▀\u001b[0m');
});

test('a wider picture than the terminal becomes smaller', () => {
  const pixels = Array.from({ length: 64 * 64 }, () => RED);
  expect(halfBlocks(png(64, 64, pixels), 80)).toHaveLength(32);
  expect(halfBlocks(png(64, 64, pixels), 40)).toHaveLength(16);
});
