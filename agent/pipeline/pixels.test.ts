import { expect, it } from 'vitest';
import { planesToRgb, rgbToPlanes } from './pixels.ts';

it('clamps, and rounds halves up', () => {
  // Levels of the red plane: below black, black, just under and at a half, white, above white.
  const red = [-3, -1, (0.4999 / 255) * 2 - 1, (0.5001 / 255) * 2 - 1, 1, 7];
  const planes = Float32Array.from([...red, ...red.map(() => -1), ...red.map(() => 1)]);
  const { rgb } = planesToRgb(planes, 6, 1);
  expect([...rgb].filter((_, i) => i % 3 === 0)).toEqual([0, 0, 0, 1, 255, 255]);
  expect([...rgb].filter((_, i) => i % 3 === 1)).toEqual([0, 0, 0, 0, 0, 0]);
  expect([...rgb].filter((_, i) => i % 3 === 2)).toEqual([255, 255, 255, 255, 255, 255]);
});

it('turns every level into a plane and back', () => {
  const rgb = Uint8Array.from({ length: 256 * 3 }, (_, i) => (i * 89) % 256);
  const planes = rgbToPlanes({ width: 256, height: 1, rgb }, 2, -1);
  expect([...planesToRgb(planes, 256, 1).rgb]).toEqual([...rgb]);
});
