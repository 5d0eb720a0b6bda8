/** While something waits for a time, so that a look is never far. */
const LONGEST_MS = 60_000;
/** While nothing does: whatever comes rings. */
const IDLE_MS = 3600_000;

/** How long the loop sleeps when it has nothing to do before `untilMs`. */
export const sleepMs = (untilMs: number | null, nowMs: number): number =>
  untilMs === null ? IDLE_MS : Math.max(1, Math.min(untilMs - nowMs, LONGEST_MS));
