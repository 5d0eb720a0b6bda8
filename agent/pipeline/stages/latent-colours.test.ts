import { expect, it } from 'vitest';
import { randn } from '../noise.ts';
import { fitColours, paintLatents } from './latent-colours.ts';

const SCALE = 4;
const SIZE = { width: 12, height: 10 };
const points = SIZE.width * SIZE.height;

/** Decodes each latent to a square, red from one channel, green from another, blue always the same. */
function decode(latents: Float32Array, noise: number) {
  const [width, height] = [SIZE.width * SCALE, SIZE.height * SCALE];
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => {
    const [plane, y, x] = [Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width];
    const at = Math.floor(y / SCALE) * SIZE.width + Math.floor(x / SCALE);
    const value = [(channel: number) => channel * 0.3 - 0.1, (channel: number) => -channel * 0.2, () => 0.5][plane];
    const grain = noise * (((x + y) % 2) - 0.5);
    return (value?.(latents[plane * points + at] as number) as number) + grain;
  });
  return { data, width, height };
}

it.each([4, 16])('finds the line that %d channels were decoded by, whatever the grain', (channels) => {
  const latents = randn(11, channels * points);
  const colours = fitColours({ data: latents, ...SIZE }, decode(latents, 0.4));
  expect(colours.map((weights) => weights.length)).toEqual([channels + 1, channels + 1, channels + 1]);
  [0.3, 0, 0, 0].forEach((weight, channel) => {
    expect(colours[0]?.[channel]).toBeCloseTo(weight, 2);
  });
  expect(colours[0]?.at(-1)).toBeCloseTo(-0.1, 2);
  expect(colours[1]?.[1]).toBeCloseTo(-0.2, 2);
  expect(colours[2]?.at(-1)).toBeCloseTo(0.5, 2);
});

it('paints a pixel for each latent, within the range of colours', () => {
  const weights = [
    [2, 0, 0],
    [0, 0, 1],
    [0, 0, -1],
  ];
  const picture = paintLatents(weights, { data: Float32Array.of(0, 1, -1, 0.25, 0, 0, 0, 0), width: 4, height: 1 });
  expect(picture).toMatchObject({ width: 4, height: 1 });
  expect([...picture.rgb]).toEqual([128, 255, 0, 255, 255, 0, 0, 255, 0, 191, 255, 0]);
});

it('holds back what is louder than the line was fitted to', () => {
  const [red, none] = [
    [0.5, 0],
    [0, 0],
  ];
  const paint = (...data: number[]) =>
    paintLatents([red, none, none], { data: Float32Array.from(data), width: 2, height: 1 });
  expect(paint(9, -9)).toEqual(paint(1, -1));
  expect(paint(1, -1)).not.toEqual(paint(0.5, -0.5));
});
