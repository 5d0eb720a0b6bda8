// Whose picture is next. Priorities first, but waiting lifts; then requesters take turns, so that a hundred requests of
// one do not stand before the single one of another; then the nearest deadline.
import type { PicturePriority } from '../../shared/messages.ts';

export interface QueuedJob {
  readonly jobId: string;
  readonly kind: 'picture' | 'bench';
  readonly receivedMs: number;
  readonly deadlineMs: number;
  /** Of a picture. */
  readonly requester: string;
  readonly priority: PicturePriority;
}

/** Requester → when a picture was last begun for it; monotonic milliseconds, higher is later. */
export type Turns = ReadonlyMap<string, number>;

const RANKS = { high: 2, normal: 1, low: 0 } as const satisfies Record<PicturePriority, number>;
/** So long a wait counts as much as one step of priority: a low one is late, and never forgotten. */
const LIFT_MS = 60_000;

/** The same jobs in the order in which they should begin; benches keep theirs, which is that of arrival. */
export function jobOrder<T extends QueuedJob>(
  jobs: readonly T[],
  { nowMs, turns }: { nowMs: number; turns: Turns },
): T[] {
  const rank = ({ priority, receivedMs }: QueuedJob) =>
    RANKS[priority] + Math.max(0, Math.floor((nowMs - receivedMs) / LIFT_MS));
  const turn = ({ requester }: QueuedJob) => turns.get(requester) ?? -Infinity;
  const pictures = jobs
    .filter(({ kind }) => kind === 'picture')
    .sort(
      (a, b) =>
        rank(b) - rank(a) ||
        earlier(turn(a), turn(b)) ||
        earlier(a.deadlineMs, b.deadlineMs) ||
        earlier(a.receivedMs, b.receivedMs),
    );
  return [...pictures, ...jobs.filter(({ kind }) => kind !== 'picture')];
}

/** Not a difference: of two that never had a turn, infinities would leave no number. */
const earlier = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
