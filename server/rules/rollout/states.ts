import type { RolloutState } from '../../../shared/http-api.ts';

/** Legal changes of a rollout's state. */
// biome-ignore format: one aligned line a state
export const rolloutTable = {
  RUNNING:      ['PAUSED', 'ROLLING_BACK', 'SUCCEEDED', 'STOPPED', 'ABORTED'],
  PAUSED:       ['RUNNING', 'ROLLING_BACK', 'ABORTED'],
  ROLLING_BACK: ['STOPPED', 'ABORTED'],
  SUCCEEDED:    [],
  STOPPED:      [],
  ABORTED:      [],
} as const satisfies Record<RolloutState, readonly RolloutState[]>;

export const mayBecome = (from: RolloutState, to: RolloutState): boolean =>
  (rolloutTable[from] as readonly RolloutState[]).includes(to);
