// Is B faster than A? From interleaved pairs on one device: the median of the ratios, with an interval that also holds where
// neighbouring pairs suffer together, and a refusal where the pairs cannot say.
import type { BenchComparison } from './bench.ts';
import { median } from './statistics.ts';

type Verdict = BenchComparison['verdict'];

const CONFIDENCE = 0.95;
const FEWEST_PAIRS = 16;
/** Differences below this are called equal: no one notices them, and the next kernel moves them. */
const EQUAL_WITHIN = 0.02;
/** The probe, the same work every time, may vary by this much before the machine counts as two machines. */
const PROBE_SPREAD = 2;

/**
 * Beside other work two engines of the very same version differed by up to 11 % throughout a run, as their threads happened to lie
 * (test/golden/same-version-pairs.json): pairs of theirs cannot tell that from a difference of versions.
 */
const TOLD_APART_IF_DISTURBED = 0.25;

const REPEAT = 'repeat it when the device has nothing else to do';

/**
 * @param pairsMs latencies [A, B] of the same prompt and seed; in the even pairs A ran first, in the odd ones B
 * @param probesMs a fixed piece of work, timed throughout the run
 * @param disturbances what disturbed the run, in words
 */
export function compareLatency(
  pairsMs: readonly (readonly [number, number])[],
  probesMs: readonly number[],
  disturbances: readonly string[] = [],
): Verdict {
  const unknown = (reason: string, known: Partial<Verdict> = {}): Verdict => ({
    ...{ kind: 'unknown', ratio: null, low: null, high: null, confidence: CONFIDENCE, reason },
    ...known,
  });
  if (pairsMs.length < FEWEST_PAIRS)
    return unknown(`${pairsMs.length} pairs were measured, at least ${FEWEST_PAIRS} are needed`);
  const ratios = pairsMs.map(([a, b]) => b / a);
  let whole = { ratio: median(ratios), ...wider(medianInterval(ratios), stretchInterval(ratios)) };
  const spread = Math.max(...probesMs) / Math.min(...probesMs);
  if (spread > PROBE_SPREAD)
    return unknown(
      `the same piece of work took up to ${spread.toFixed(1)} times as long at one moment of the run as at another: something else used the machine; ${REPEAT}`,
      whole,
    );
  const [aFirst, bFirst] = [0, 1].map((parity) => medianInterval(ratios.filter((_, i) => i % 2 === parity)));
  if (aFirst && bFirst && (aFirst.low > bFirst.high || bFirst.low > aFirst.high)) {
    // The order counts. Where one version is the faster in either order, it counts in the interval only.
    whole = { ...whole, ...wider(whole, wider(aFirst, bFirst)) };
    if (whole.low <= 1 + EQUAL_WITHIN && whole.high >= 1 - EQUAL_WITHIN)
      return unknown(
        `which of the two runs first decides: B takes ${print(aFirst)} of A's time after A and ${print(bFirst)} before it`,
        whole,
      );
  }
  const beyondDoubt = whole.high < 1 - TOLD_APART_IF_DISTURBED || whole.low > 1 + TOLD_APART_IF_DISTURBED;
  if (disturbances.length > 0 && !beyondDoubt)
    return unknown(
      `${disturbances[0]}, and then two engines of one version may differ, too: less than ${TOLD_APART_IF_DISTURBED * 100} % cannot be told; ${REPEAT}`,
      whole,
    );
  const known = { ...whole, confidence: CONFIDENCE, reason: '' };
  if (whole.low > 1 - EQUAL_WITHIN && whole.high < 1 + EQUAL_WITHIN) return { ...known, kind: 'equal' };
  if (whole.high < 1 - EQUAL_WITHIN) return { ...known, kind: 'b-faster' };
  if (whole.low > 1 + EQUAL_WITHIN) return { ...known, kind: 'a-faster' };
  const holds =
    whole.low <= 1 && whole.high >= 1
      ? 'holds 1: B may be faster or slower'
      : `reaches into the ${EQUAL_WITHIN * 100} % that count as equal: one may be faster by something, or by nothing`;
  return unknown(`the interval ${print(whole)} ${holds}; a longer --mode may tell`, whole);
}

/**
 * Distribution-free interval of the median from order statistics (Conover 1999, section 3.2): ranks r and n + 1 − r,
 * with the largest r for which a binomial(n, ½) falls below r at most (1 − confidence) / 2 of the time.
 */
export function medianInterval(values: readonly number[], confidence = CONFIDENCE): { low: number; high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let rank = 0;
  let below = Math.exp(-n * Math.LN2);
  for (let term = below; below <= (1 - confidence) / 2 && rank < n; ) {
    rank++;
    term *= (n - rank + 1) / rank;
    below += term;
  }
  // Too few for any interval at this confidence: everything is possible.
  if (rank === 0) return { low: 0, high: Infinity };
  return { low: sorted[rank - 1] as number, high: sorted[n - rank] as number };
}

interface Interval {
  readonly low: number;
  readonly high: number;
}

const wider = (one: Interval, other: Interval): Interval => ({
  low: Math.min(one.low, other.low),
  high: Math.max(one.high, other.high),
});

/** Of a run, each with engines of its own and as many pairs with A first as with B. */
export const STRETCHES = 8;
/** Student's t, 97.5 %, 7 degrees of freedom. */
const STUDENT = 2.365;

/**
 * Interval of the median from how it differs between eight stretches of the run (batch means; Law and Kelton, chapter 9), so that
 * what differs between two engines of one version counts. The exact one takes each pair for a draw of its own: with the same two
 * engines throughout, four of twelve comparisons of a version with itself left out 1 at 95 %.
 */
function stretchInterval(ratios: readonly number[]): Interval {
  const size = 2 * Math.floor(ratios.length / STRETCHES / 2);
  const logs = Array.from({ length: STRETCHES }, (_, i) =>
    Math.log(median(ratios.slice(i * size, i < STRETCHES - 1 ? (i + 1) * size : undefined))),
  );
  const mean = logs.reduce((sum, value) => sum + value, 0) / STRETCHES;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (STRETCHES - 1);
  const half = STUDENT * Math.sqrt(variance / STRETCHES);
  return { low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

const print = ({ low, high }: { low: number; high: number }) => `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
