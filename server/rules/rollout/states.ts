import type { RolloutState } from '../../../shared/http-api.ts';

/** Legal changes of a rollout's state. */
// biome-ignore format: one aligned line a state
export const rolloutTable = {
  RUNNING:      ['PAUSED', 'ROLLING_BACK', 'SUCCEEDED', 'STOPPED', 'ABORTED', 'SUPERSEDED'],
  PAUSED:       ['RUNNING', 'ROLLING_BACK', 'ABORTED', 'SUPERSEDED'],
  ROLLING_BACK: ['STOPPED', 'ABORTED', 'SUPERSEDED'],
  SUCCEEDED:    [],
  STOPPED:      [],
  ABORTED:      [],
  SUPERSEDED:   [],
} as const satisfies Record<RolloutState, readonly RolloutState[]>;

export const mayBecome = (from: RolloutState, to: RolloutState): boolean =>
  (rolloutTable[from] as readonly RolloutState[]).includes(to);

export interface Changed {
  readonly rolloutId: string;
  readonly state: RolloutState;
  readonly revision: number;
  readonly changedBy: string;
  readonly changedWhat: string;
  readonly changedAtMs: number;
  readonly explanation: string;
}

/** Who changed it last, to what and when: what the second of two operators is told. */
export function tellChange({ rolloutId, state, revision, changedBy, changedWhat, changedAtMs }: Changed): string {
  const at = new Date(changedAtMs).toISOString();
  return `rollout ${rolloutId} is ${state} at revision ${revision}: ${changedWhat} by ${changedBy} at ${at}`;
}

/** @param expect a revision or a state; @returns why the command must not be carried out, or null */
export function unexpected(rollout: Changed, expect: string | undefined): string | null {
  if (expect === undefined || expect === String(rollout.revision) || expect === rollout.state) return null;
  return `${tellChange(rollout)}; you expected ${expect}. Look at it again, and repeat with --expect ${rollout.revision}`;
}
