/**
 * Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): uniform in
 * [0, min(max, base · 2^attempt)], so that a fleet which lost its server does not come back in one wave.
 *
 * @param attempt failures so far, from 0
 * @param uniform a number in [0, 1)
 */
export function backoffMs(
  attempt: number,
  uniform: number,
  bounds: { readonly baseMs: number; readonly maxMs: number },
): number {
  return uniform * Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(attempt, 30));
}
