import { expect, test } from 'vitest';
import { maskedOut, shrink } from './fill-mask.ts';

test('a latent takes the value of its first pixel', () => {
  // 4 x 2 pixels, two latents.
  expect([...shrink(Uint8Array.of(1, 0, 0, 1, 0, 0, 1, 1), 4, 2)]).toEqual([1, 0]);
});

test('what is painted anew is grey in every plane, the rest stays', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const { data: found } = maskedOut({ data, width: 2, height: 1 }, Uint8Array.of(0, 1));
  expect([...found]).toEqual([1, 0, 3, 0, 5, 0]);
});
