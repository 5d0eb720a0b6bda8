// A version whose engine dies again and again is left alone for a while: each start costs memory and time, and takes the
// pictures of other versions with it.

export const quarantineBounds = {
  crashes: 3,
  withinMs: 10 * 60_000,
  lastsMs: 30 * 60_000,
} as const;

/**
 * @param crashesMs when its engine ended by itself or hung, UTC
 * @returns until when it is left alone, and after how many crashes; null when it may be started
 */
export function quarantineUntil(
  crashesMs: readonly number[],
  nowMs: number,
): { readonly untilMs: number; readonly crashes: number } | null {
  const sorted = [...crashesMs].sort((a, b) => a - b);
  for (let last = sorted.length - 1; last >= 0; last--) {
    const endMs = sorted[last] as number;
    const untilMs = endMs + quarantineBounds.lastsMs;
    if (untilMs <= nowMs) return null;
    const crashes = sorted.filter((atMs) => atMs <= endMs && atMs > endMs - quarantineBounds.withinMs).length;
    if (crashes >= quarantineBounds.crashes) return { untilMs, crashes };
  }
  return null;
}
