import { expect, it } from 'vitest';
import { decodePng } from '../pipeline/read-png.ts';
import { previewer, shrink } from './preview.ts';

const picture = (width: number, height: number) => ({
  ...{ width, height },
  rgb: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(i / 3) % 256),
});

it.each([
  [64, 32, 64, 32],
  [512, 256, 64, 32],
  [100, 65, 50, 33],
])('makes %dx%d no larger than 64', (width, height, smallWidth, smallHeight) => {
  const small = shrink(picture(width, height));
  expect([small.width, small.height, small.rgb.length]).toEqual([
    smallWidth,
    smallHeight,
    smallWidth * smallHeight * 3,
  ]);
  expect(small.rgb[3]).toBe(Math.ceil(Math.max(width, height) / 64));
});

it('shows one in a quarter of a second', () => {
  let nowMs = 0;
  const preview = previewer(() => nowMs);
  const shown = [0, 100, 249, 250, 400, 600].map((atMs) => {
    nowMs = atMs;
    return preview(() => picture(8, 8)) !== undefined;
  });
  expect(shown).toEqual([true, false, false, true, false, true]);
  nowMs = 1000;
  expect(decodePng(preview(() => picture(8, 4)) ?? new Uint8Array())).toMatchObject({ width: 8, height: 4 });
});
