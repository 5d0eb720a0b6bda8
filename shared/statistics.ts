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
 * Exact interval of a quantile from order statistics (David & Nagaraja 2003, §7.1): the number of samples below the true
 * quantile is binomial whatever the distribution is.
 *
 * @returns null where so few samples bound it on one side only
 */
export function quantileInterval(samples: readonly number[], share: number, confidence: number): Interval | null {
  const tail = (1 - confidence) / 2;
  const below = binomialCumulative(samples.length, share);
  const low = below.findLastIndex((probability) => probability <= tail);
  const high = below.findIndex((probability) => probability >= 1 - tail) + 1;
  if (low < 0 || high < 1 || high >= samples.length + 1) return null;
  const sorted = Float64Array.from(samples).sort();
  const [lowest, highest] = [sorted[low], sorted[high - 1]];
  return lowest === undefined || highest === undefined ? null : { low: lowest, high: highest };
}

/** Exact interval of a share (Clopper & Pearson 1934): `hits` of `trials`. */
export function shareInterval(hits: number, trials: number, confidence: number): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const tail = (1 - confidence) / 2;
  const atMost = (count: number, share: number) => (count < 0 ? 0 : (binomialCumulative(trials, share)[count] ?? 1));
  return {
    low: hits === 0 ? 0 : bisect((share) => 1 - atMost(hits - 1, share) < tail),
    high: hits === trials ? 1 : bisect((share) => atMost(hits, share) > tail),
  };
}

/** The share in [0, 1] up to which `holds`; it holds below that and not above. */
function bisect(holds: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let round = 0; round < 50; round++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Element k: the probability of at most k hits in `trials`. Through logarithms, as (1 − p)ⁿ underflows. */
function binomialCumulative(trials: number, share: number): number[] {
  if (share <= 0) return Array<number>(trials + 1).fill(1);
  if (share >= 1) return Array.from({ length: trials + 1 }, (_, hits) => (hits === trials ? 1 : 0));
  const odds = Math.log(share) - Math.log1p(-share);
  const cumulative: number[] = [];
  let logMass = trials * Math.log1p(-share);
  let sum = 0;
  for (let hits = 0; hits <= trials; hits++) {
    sum += Math.exp(logMass);
    cumulative.push(Math.min(1, sum));
    logMass += odds + Math.log((trials - hits) / (hits + 1));
  }
  return cumulative;
}

/**
 * Bootstrap of a figure of numbered units (prompts, pairs of runs): `figure` sees the units drawn, with repeats.
 *
 * @returns the figure of each resample, in the order drawn: of equal seeds and counts the same units
 */
export function bootstrap(
  units: number,
  figure: (drawn: Uint32Array) => number,
  { resamples = 1000, seed = 1 }: { resamples?: number; seed?: number } = {},
): number[] {
  const uniform = mulberry32(seed);
  const drawn = new Uint32Array(units);
  return Array.from({ length: resamples }, () => {
    for (let i = 0; i < units; i++) drawn[i] = Math.floor(uniform() * units);
    return figure(drawn);
  });
}

/** The middle `confidence` of resampled figures (percentile bootstrap, Efron & Tibshirani 1993, ch. 13). */
export function middle(figures: readonly number[], confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  const sorted = Float64Array.from(figures).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { low: at(tail), high: at(1 - tail) };
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
