// What latents look like, without decoding them: each is a point of colour, by the line that fits best what the folder's own
// decoder makes of some. Least squares, so no factors of anybody's need to be known for a family.
import type { RgbPicture } from '../png.ts';
import type { Planes } from './tiles.ts';

/** Of red, green and blue, each: one weight a channel of the latents, and a constant behind them. */
export type Colours = readonly (readonly number[])[];

/** Keeps the fit from chasing what a line cannot follow. */
const RIDGE = 1e-3;

/**
 * @param latents as the denoiser knows them, [channels, height, width]
 * @param pixels what they were decoded to, [3, height · scale, width · scale] in −1..1
 */
export function fitColours(latents: Planes, pixels: Planes): Colours {
  const points = latents.width * latents.height;
  const channels = latents.data.length / points;
  const scale = pixels.width / latents.width;
  const rows = Array.from({ length: points }, (_, at) => [
    ...Array.from({ length: channels }, (_, channel) => latents.data[channel * points + at] as number),
    1,
  ]);
  const squares = outer(rows, rows);
  squares.forEach((row, i) => {
    row[i] = (row[i] as number) + RIDGE * points;
  });
  const targets = rows.map((_, at) => [0, 1, 2].map((plane) => meanOf(pixels, plane, at, latents.width, scale)));
  const sides = outer(rows, targets);
  return [0, 1, 2].map((plane) =>
    solve(
      squares,
      sides.map((row) => row[plane] as number),
    ),
  );
}

/** One pixel for each latent. Those of more than unit variance, which the line was not fitted to, are held back to it. */
export function paintLatents(colours: Colours, { data, width, height }: Planes): RgbPicture {
  const points = width * height;
  const held = 1 / Math.max(1, Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length));
  const rgb = new Uint8Array(points * 3);
  for (let at = 0; at < points; at++) {
    colours.forEach((weights, plane) => {
      const last = weights.length - 1;
      let value = weights[last] as number;
      for (let channel = 0; channel < last; channel++)
        value += held * (weights[channel] as number) * (data[channel * points + at] as number);
      rgb[at * 3 + plane] = Math.round(Math.min(1, Math.max(0, (value + 1) / 2)) * 255);
    });
  }
  return { width, height, rgb };
}

/** Of the square of pixels that a latent stands for. */
function meanOf({ data, width, height }: Planes, plane: number, at: number, columns: number, scale: number): number {
  const [top, left] = [Math.floor(at / columns) * scale, (at % columns) * scale];
  let sum = 0;
  for (let y = top; y < top + scale; y++)
    for (let x = left; x < left + scale; x++) sum += data[(plane * height + y) * width + x] as number;
  return sum / scale ** 2;
}

/** Sum over all rows of one row's values times the other's. */
function outer(ones: readonly (readonly number[])[], others: readonly (readonly number[])[]): number[][] {
  const [first = [], other = []] = [ones[0], others[0]];
  return first.map((_, i) =>
    other.map((_, j) => ones.reduce((sum, row, r) => sum + (row[i] as number) * (others[r]?.[j] as number), 0)),
  );
}

/** Gauss's elimination with the largest pivot. */
function solve(matrix: readonly (readonly number[])[], side: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, side[i] as number]);
  for (let at = 0; at < rows.length; at++) {
    const pivot = rows.reduce((best, row, i) => (i > at && size(row, at) > size(rows[best], at) ? i : best), at);
    [rows[at], rows[pivot]] = [rows[pivot] as number[], rows[at] as number[]];
    const top = rows[at] as number[];
    rows.forEach((row, i) => {
      if (i === at) return;
      const share = (row[at] as number) / (top[at] as number);
      for (let j = at; j < row.length; j++) row[j] = (row[j] as number) - share * (top[j] as number);
    });
  }
  return rows.map((row, i) => (row.at(-1) as number) / (row[i] as number));
}

const size = (row: readonly number[] | undefined, at: number): number => Math.abs(row?.[at] as number);
