// What is wrong with pictures, told from their pixels alone. The toolkit measures the same (models/, quality/artifacts.py
// and quality/diversity.py); both pass test/golden/quality.json.
import { mean } from './statistics.ts';

/** 8 bits a channel, row by row, R G B. */
export interface Rgb {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export interface Artifacts {
  /** Share of the Laplacian's energy at the multiples of 1/period in both directions, 0–1: checkerboards, patches. */
  readonly grid: number;
  /** Mean step across the borders of patches ÷ mean step inside them; 1 where no border shows. */
  readonly seams: number;
  /** Share of channel values at 0 or 255. */
  readonly clipping: number;
  /** Root mean square of the Laplacian, in levels; low where the picture is blurred. */
  readonly sharpness: number;
  /** 1 for a picture without contrast, so that the mean is the share of such pictures. */
  readonly flat: number;
}

/** A picture with less contrast than this, in levels, shows nothing. */
const FLAT_LEVELS = 2;

/** @param period side of a patch in pixels */
export function pictureArtifacts(picture: Rgb, period: number): Artifacts {
  const light = luminance(picture);
  const edges = laplacian(light, picture);
  const energy = meanOf(edges, (value) => value * value);
  const level = meanOf(light, (value) => value);
  const deviation = Math.sqrt(meanOf(light, (value) => (value - level) ** 2));
  return {
    grid: energy > 0 ? foldedEnergy(edges, picture.width - 2, period) / energy : 0,
    seams: seams(light, picture, period),
    clipping: picture.rgb.filter((value) => value === 0 || value === 255).length / picture.rgb.length,
    sharpness: Math.sqrt(energy),
    flat: deviation < FLAT_LEVELS ? 1 : 0,
  };
}

export function meanArtifacts(each: readonly Artifacts[]): Artifacts {
  const of = (name: keyof Artifacts) => mean(each.map((artifacts) => artifacts[name]));
  return {
    grid: of('grid'),
    seams: of('seams'),
    clipping: of('clipping'),
    sharpness: of('sharpness'),
    flat: of('flat'),
  };
}

/**
 * Root of the mean squared difference over all pairs of pictures, in levels; 0 for fewer than two. Pictures are taken
 * one by one, so that a set need not be in memory: over pairs the mean is `2n / (n − 1)` times the variance at each value.
 */
export class Diversity {
  #count = 0;
  #sum = new Float64Array(0);
  #squares = new Float64Array(0);

  add({ rgb }: Rgb): void {
    if (this.#count === 0) [this.#sum, this.#squares] = [new Float64Array(rgb.length), new Float64Array(rgb.length)];
    if (rgb.length !== this.#sum.length) throw new RangeError('the pictures of a set must have one size');
    this.#count++;
    for (let i = 0; i < rgb.length; i++) {
      const value = rgb[i] as number;
      (this.#sum[i] as number) += value;
      (this.#squares[i] as number) += value * value;
    }
  }

  levels(): number {
    const n = this.#count;
    if (n < 2) return 0;
    let variances = 0;
    for (let i = 0; i < this.#sum.length; i++)
      variances += ((this.#squares[i] as number) - (this.#sum[i] as number) ** 2 / n) / n;
    return Math.sqrt(Math.max(0, ((2 * n) / (n - 1)) * (variances / this.#sum.length)));
  }
}

/** ITU-R BT.601, 0–255. */
function luminance({ rgb }: Rgb): Float64Array {
  const light = new Float64Array(rgb.length / 3);
  for (let i = 0; i < light.length; i++)
    light[i] = 0.299 * (rgb[3 * i] as number) + 0.587 * (rgb[3 * i + 1] as number) + 0.114 * (rgb[3 * i + 2] as number);
  return light;
}

/** Of the inner pixels: (width − 2) × (height − 2). */
function laplacian(light: Float64Array, { width, height }: Rgb): Float64Array {
  const out = new Float64Array((width - 2) * (height - 2));
  let place = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const around =
        (light[i - width] as number) +
        (light[i + width] as number) +
        (light[i - 1] as number) +
        (light[i + 1] as number);
      out[place++] = around - 4 * (light[i] as number);
    }
  }
  return out;
}

/** Energy of the part that repeats every `period` pixels: folding is the Fourier sum at just those frequencies. */
function foldedEnergy(values: Float64Array, width: number, period: number): number {
  const sums = new Float64Array(period * period);
  const counts = new Float64Array(period * period);
  // The first inner pixel is pixel 1.
  const cellOf = (i: number) => ((Math.floor(i / width) + 1) % period) * period + (((i % width) + 1) % period);
  for (let i = 0; i < values.length; i++) {
    (sums[cellOf(i)] as number) += values[i] as number;
    (counts[cellOf(i)] as number)++;
  }
  const level = meanOf(values, (value) => value);
  let energy = 0;
  for (let cell = 0; cell < sums.length; cell++) {
    const count = counts[cell] as number;
    if (count > 0) energy += count * ((sums[cell] as number) / count - level) ** 2;
  }
  return energy / values.length;
}

/** The steps along both axes together, a level added to both means so that an even picture stands at 1. */
function seams(light: Float64Array, { width, height }: Rgb, period: number): number {
  const border = { sum: 0, count: 0 };
  const inside = { sum: 0, count: 0 };
  const take = (at: number, from: number, to: number) => {
    const kind = at % period === 0 ? border : inside;
    kind.sum += Math.abs((light[to] as number) - (light[from] as number));
    kind.count++;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (x > 0) take(x, i - 1, i);
      if (y > 0) take(y, i - width, i);
    }
  }
  if (border.count === 0 || inside.count === 0) return 1;
  return (border.sum / border.count + 1) / (inside.sum / inside.count + 1);
}

function meanOf(values: Float64Array, what: (value: number) => number): number {
  let sum = 0;
  for (const value of values) sum += what(value);
  return sum / values.length;
}
