// Numbers from samples, and when there are too few of them to say anything.

/**
 * Samples that a percentile needs at 99 % confidence with one outlier allowed (MLPerf Inference rules, "early
 * stopping"). With fewer the percentile is withheld.
 */
export const SAMPLES_FOR_PERCENTILE = { 50: 8, 90: 64, 95: 130, 99: 662 } as const;
export type Percentile = keyof typeof SAMPLES_FOR_PERCENTILE;

/** Nearest-rank percentile, or null where `samples` holds fewer values than it needs. */
export function percentile(samples: readonly number[], p: Percentile): number | null {
  if (samples.length < SAMPLES_FOR_PERCENTILE[p]) return null;
  return quantile(samples, p / 100);
}

/** Nearest-rank quantile of at least one value. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('a quantile needs at least one sample');
  return value;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export function mean(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('a mean needs at least one sample');
  return samples.reduce((sum, value) => sum + value, 0) / samples.length;
}

/** Sample standard deviation (n − 1); 0 for fewer than two values. */
export function standardDeviation(samples: readonly number[]): number {
  if (samples.length < 2) return 0;
  const centre = mean(samples);
  return Math.sqrt(samples.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (samples.length - 1));
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap of the mean (Efron & Tibshirani 1993, ch. 13), from a seed, so that the same samples always
 * give the same interval.
 */
export function bootstrapMean(
  samples: readonly number[],
  options: { confidence?: number; resamples?: number; seed?: number } = {},
): Interval {
  const { confidence = 0.95, resamples = 1000, seed = 1 } = options;
  const uniform = mulberry32(seed);
  const means: number[] = [];
  for (let round = 0; round < resamples; round++) {
    let sum = 0;
    for (let i = 0; i < samples.length; i++) sum += samples[Math.floor(uniform() * samples.length)] ?? 0;
    means.push(sum / samples.length);
  }
  const tail = (1 - confidence) / 2;
  return { low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

/** Tommy Ettinger's mulberry32: a small seeded generator, uniform in [0, 1). For statistics, never for secrets. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
