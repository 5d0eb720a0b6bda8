// What the requests that a version answered unseen say of it, device by device.
import { medianInterval } from './compare-latency.ts';
import { mean, median } from './statistics.ts';

export interface ComparedPair {
  /** Of the picture that was returned, and of the shadow's. */
  readonly latencyMs: readonly [number, number];
  readonly meanAbsoluteDifference: number | null;
  readonly sameLabels: number | null;
  readonly adherence: readonly [number, number] | null;
}

/** Fewer pairs have no interval at 95 %: the median's order statistics need six. */
const FEWEST_FOR_INTERVAL = 6;

/** Ratios are the shadow's to the other's: below 1 it is faster. */
export function summariseShadow(pairs: readonly ComparedPair[]) {
  const ratios = pairs.filter(({ latencyMs }) => latencyMs[0] > 0).map(({ latencyMs: [a, b] }) => b / a);
  const judged = pairs.flatMap(({ adherence }) => (adherence ? [adherence] : []));
  const interval = ratios.length >= FEWEST_FOR_INTERVAL ? medianInterval(ratios) : null;
  return {
    pairs: pairs.length,
    latencyRatio: ratios.length > 0 ? median(ratios) : null,
    latencyRatioLow: interval?.low ?? null,
    latencyRatioHigh: interval?.high ?? null,
    meanAbsoluteDifference: meanOf(pairs.map((pair) => pair.meanAbsoluteDifference)),
    sameLabels: meanOf(pairs.map((pair) => pair.sameLabels)),
    judged: judged.length,
    adherence: meanOf(judged.map(([returned]) => returned)),
    adherenceShadow: meanOf(judged.map(([, shadow]) => shadow)),
  };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? mean(known) : null;
}
