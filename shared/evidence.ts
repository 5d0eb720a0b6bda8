// From the runs of some devices to one figure with its interval. Relative figures compare a device with itself: the same
// prompts and seeds in the same order, under the version that it ran before and under the new one.
import { type Gate, type GateMetric, isRelative } from './gates.ts';
import {
  bootstrap,
  type Interval,
  mean,
  middle,
  type Percentile,
  quantile,
  quantileInterval,
  SAMPLES_FOR_PERCENTILE,
} from './statistics.ts';

/** One bench of one version on one device. */
export interface Run {
  readonly benchRunId: string;
  /** When the server stored it, UTC milliseconds. */
  readonly atMs: number;
  readonly latencyMs: readonly number[];
  readonly peakRssBytes: number;
  /** Score and the adherence of each evaluation picture, in the set's order; null where the version has no evaluator. */
  readonly quality: { readonly score: number; readonly pictures: readonly number[] } | null;
  readonly disturbed: boolean;
}

export interface DeviceEvidence {
  readonly device: string;
  readonly deviceClass: string;
  /** The installation ended well, ended badly, or has not ended. */
  readonly outcome: 'committed' | 'failed' | 'open';
  /** Of the version on trial, oldest first. */
  readonly runs: readonly Run[];
  /** What it ran before; null where it ran nothing. */
  readonly before: { readonly version: string; readonly runs: readonly Run[] } | null;
}

export interface Figure {
  readonly value: number;
  /** Null where there are too few samples to bound it. */
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  readonly method: 'exact' | 'bootstrap' | 'range';
  /** More measuring would not change it: the value itself decides. */
  readonly settled: boolean;
  /** The device whose value it is, where the worst one stands for all. */
  readonly worstDevice: string | null;
}

interface FigureOptions {
  readonly confidence: number;
  readonly evaluationPrompts: number;
}

/** Two runs further apart than this ran on a different machine: other load, other temperature. */
export const PAIR_WITHIN_MS = 30 * 60_000;
/** So many pairs must stand for one that nothing disturbed, on a device that is never left alone. */
const DISTURBED_PAIRS = 3;
const RESAMPLES = 500;

/** @throws RangeError for members that `lacks` something */
export function classFigure(gate: Gate, members: readonly DeviceEvidence[], options: FigureOptions): Figure {
  switch (gate.metric) {
    case 'latency.p50':
    case 'latency.p90':
      return isRelative(gate) ? latencyRatio(gate, members, options) : latency(gate, members, options);
    case 'memory.peak':
      return memory(gate, members);
    case 'quality':
      return isRelative(gate) ? qualityRatio(gate, members, options) : quality(members, options);
    case 'failures':
      throw new RangeError('failures are counted, not measured');
  }
}

/** What a device has not measured yet, in words; null when it can be judged. */
export function lacks(gate: Gate, { runs, before }: DeviceEvidence): string | null {
  const { metric } = gate;
  if (metric === 'failures') return null;
  if (isRelative(gate) && metric.startsWith('latency')) {
    const pairs = pairsOf(runs, before?.runs ?? []);
    if (pairs.length === 0) return `has not run both versions within ${PAIR_WITHIN_MS / 60_000} minutes`;
    if (pairs.length < DISTURBED_PAIRS && !pairs.some(isQuiet))
      return `was disturbed each time, in ${pairs.length} of up to ${DISTURBED_PAIRS} comparisons`;
    return tooFew(metric, pairs.flatMap(([now, then]) => samplePairs(now, then)).length);
  }
  const sides = isRelative(gate) ? [runs, before?.runs ?? []] : [runs];
  for (const [index, side] of sides.entries()) {
    const which = index === 0 ? '' : ' of the version before';
    if (side.length === 0) return `has no measurement${which}`;
    if (metric === 'quality' && bestScored(side) === null) return `has no score${which}`;
    const few = metric.startsWith('latency') ? tooFew(metric, samplesOf(side).length) : null;
    if (few) return few;
  }
  return null;
}

function tooFew(metric: GateMetric, count: number): string | null {
  const needed = SAMPLES_FOR_PERCENTILE[percentileOf(metric)];
  return count >= needed ? null : `has ${count} of ${needed} pictures timed`;
}

const percentileOf = (metric: GateMetric): Percentile => (metric === 'latency.p90' ? 90 : 50);

/** Those that nothing disturbed, where there are any. */
function usable(runs: readonly Run[]): readonly Run[] {
  const quiet = runs.filter(({ disturbed }) => !disturbed);
  return quiet.length > 0 ? quiet : runs;
}

const samplesOf = (runs: readonly Run[]): number[] => usable(runs).flatMap(({ latencyMs }) => latencyMs);

function latency(gate: Gate, members: readonly DeviceEvidence[], { confidence }: FigureOptions): Figure {
  const samples = members.flatMap(({ runs }) => samplesOf(runs));
  const share = percentileOf(gate.metric) / 100;
  const interval = quantileInterval(samples, share, confidence);
  return {
    ...{ value: quantile(samples, share), low: interval?.low ?? null, high: interval?.high ?? null },
    ...{ n: samples.length, method: 'exact', settled: false, worstDevice: null },
  };
}

/**
 * Runs of both versions that are near enough in time, the nearest first; none stands in two pairs and counts twice. Pairs
 * that nothing disturbed, where there are any: a slow run of the version before would make any new one look fast.
 */
function pairsOf(runs: readonly Run[], before: readonly Run[]): [Run, Run][] {
  const distance = ([now, then]: readonly [Run, Run]) => Math.abs(now.atMs - then.atMs);
  const near = runs
    .flatMap((now) => before.map((then) => [now, then] as [Run, Run]))
    .filter((pair) => distance(pair) <= PAIR_WITHIN_MS);
  const quiet = near.filter(isQuiet);
  const candidates = (quiet.length > 0 ? quiet : near).toSorted((a, b) => distance(a) - distance(b));
  const used = new Set<Run>();
  return candidates.filter(([now, then]) => {
    if (used.has(now) || used.has(then)) return false;
    used.add(now).add(then);
    return true;
  });
}

const isQuiet = ([now, then]: readonly [Run, Run]): boolean => !now.disturbed && !then.disturbed;

const samplePairs = (now: Run, then: Run): [number, number][] =>
  now.latencyMs.slice(0, then.latencyMs.length).map((ms, i) => [ms, then.latencyMs[i] as number]);

/** Geometric mean over the devices of (percentile now ÷ percentile before); each device's pairs are resampled. */
function latencyRatio(gate: Gate, members: readonly DeviceEvidence[], { confidence }: FigureOptions): Figure {
  const share = percentileOf(gate.metric) / 100;
  const devices = members.map(({ runs, before }) =>
    pairsOf(runs, before?.runs ?? []).flatMap(([now, then]) => samplePairs(now, then)),
  );
  const logs = devices.map((pairs) => logRatio(pairs, share));
  const resampled = devices.map((pairs, seed) => {
    const drawnPairs: [number, number][] = pairs.map(() => [0, 0]);
    const figure = (drawn: Uint32Array) => {
      for (const [i, unit] of drawn.entries()) drawnPairs[i] = pairs[unit] as [number, number];
      return logRatio(drawnPairs, share);
    };
    return bootstrap(pairs.length, figure, { resamples: RESAMPLES, seed: seed + 1 });
  });
  const means = Array.from({ length: RESAMPLES }, (_, round) => mean(resampled.map((rounds) => rounds[round] ?? 0)));
  const n = devices.reduce((sum, pairs) => sum + pairs.length, 0);
  return relative(gate, Math.exp(mean(logs)), exponential(middle(means, confidence)), n);
}

const exponential = ({ low, high }: Interval): Interval => ({ low: Math.exp(low), high: Math.exp(high) });

function logRatio(pairs: readonly (readonly [number, number])[], share: number): number {
  const at = (side: 0 | 1) => {
    const sorted = Float64Array.from(pairs, (pair) => pair[side]).sort();
    return Math.max(Number.MIN_VALUE, sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  };
  return Math.log(at(0) / at(1));
}

/** The worst device stands for all: memory is a property of each one. */
function memory(gate: Gate, members: readonly DeviceEvidence[]): Figure {
  const peak = (runs: readonly Run[]) => Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes));
  const values = members.map(({ device, runs, before }) => ({
    device,
    value: isRelative(gate) ? inUnit(gate, peak(runs) / Math.max(1, peak(before?.runs ?? []))) : peak(runs),
  }));
  const sorted = values.toSorted((a, b) => a.value - b.value);
  const [low, high] = [sorted[0], sorted.at(-1)];
  if (!low || !high) throw new RangeError('memory of nobody');
  return {
    ...{ value: high.value, low: low.value, high: high.value, n: values.length, method: 'range', settled: true },
    worstDevice: high.device,
  };
}

/** The run that scored the most pictures; of equal ones the newest. Pictures come from seeds, so it can stand for all. */
function bestScored(runs: readonly Run[]): NonNullable<Run['quality']> | null {
  return runs.reduce<Run['quality']>(
    (best, { quality: scored }) =>
      scored && scored.pictures.length > 0 && scored.pictures.length >= (best?.pictures.length ?? 0) ? scored : best,
    null,
  );
}

function scoredOf(runs: readonly Run[]): NonNullable<Run['quality']> {
  const scored = bestScored(runs);
  if (!scored) throw new RangeError('no run was scored');
  return scored;
}

/** Prompts are the units: devices of a class render the same ones, so their pictures are averaged prompt by prompt. */
function byPrompt(pictures: readonly (readonly number[])[]): number[] {
  const prompts = Math.min(...pictures.map(({ length }) => length));
  return Array.from({ length: prompts }, (_, prompt) => mean(pictures.map((one) => one[prompt] ?? 0)));
}

function quality(members: readonly DeviceEvidence[], { confidence, evaluationPrompts }: FigureOptions): Figure {
  const scored = members.map(({ runs }) => scoredOf(runs));
  const prompts = byPrompt(scored.map(({ pictures }) => pictures));
  // Points of the score for each unit of adherence: 5 ÷ the teacher's adherence on these prompts.
  const points = mean(scored.map(({ score, pictures }) => score / Math.max(mean(pictures), Number.EPSILON)));
  const score = (drawn: Uint32Array) => Math.min(5, points * meanOf(prompts, drawn));
  const { low, high } = middle(bootstrap(prompts.length, score), confidence);
  return {
    ...{ value: Math.min(5, points * mean(prompts)), low, high, n: prompts.length, method: 'bootstrap' },
    settled: prompts.length >= evaluationPrompts,
    worstDevice: null,
  };
}

function qualityRatio(gate: Gate, members: readonly DeviceEvidence[], options: FigureOptions): Figure {
  const now = byPrompt(members.map(({ runs }) => scoredOf(runs).pictures));
  const then = byPrompt(members.map(({ before }) => scoredOf(before?.runs ?? []).pictures));
  const n = Math.min(now.length, then.length);
  const ratio = (drawn: Uint32Array) => meanOf(now, drawn) / Math.max(meanOf(then, drawn), Number.EPSILON);
  const interval = middle(bootstrap(n, ratio), options.confidence);
  const value = ratio(Uint32Array.from({ length: n }, (_, i) => i));
  return { ...relative(gate, value, interval, n), settled: n >= options.evaluationPrompts };
}

function meanOf(values: readonly number[], drawn: Uint32Array): number {
  let sum = 0;
  for (const unit of drawn) sum += values[unit] ?? 0;
  return sum / drawn.length;
}

function relative(gate: Gate, ratio: number, { low, high }: Interval, n: number): Figure {
  return {
    ...{ value: inUnit(gate, ratio), low: inUnit(gate, low), high: inUnit(gate, high), n },
    ...{ method: 'bootstrap', settled: false, worstDevice: null },
  };
}

/** A ratio as the gate writes it: 1.2, or +20 %. */
const inUnit = ({ against }: Gate, ratio: number): number => (against === 'change' ? (ratio - 1) * 100 : ratio);

/** The bench runs that a device's evidence holds. */
export const comparedRuns = ({ runs, before }: DeviceEvidence): string[] =>
  [...runs, ...(before?.runs ?? [])].map(({ benchRunId }) => benchRunId);
