// Which device makes a picture soonest: those before it in line, times what one takes there.

export interface Candidate {
  readonly deviceId: string;
  readonly name: string;
  readonly online: boolean;
  /** Jobs that it has before this one. */
  readonly open: number;
  /** Median of its newest bench of the version that would run, else the publisher's; null when nobody measured. */
  readonly latencyMs: number | null;
}

/** A device that nobody has timed stands behind those that somebody has. */
const UNKNOWN_MS = 60_000;

export function pickDevice<C extends Candidate>(candidates: readonly C[]): C | null {
  const ready = candidates.filter(({ online }) => online);
  const expectedMs = ({ open, latencyMs }: C) => (open + 1) * (latencyMs ?? UNKNOWN_MS);
  return ready.toSorted((a, b) => expectedMs(a) - expectedMs(b) || (a.name < b.name ? -1 : 1))[0] ?? null;
}
