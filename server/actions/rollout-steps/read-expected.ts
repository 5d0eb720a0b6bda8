import { StillError } from '../../../shared/errors.ts';
import { unexpected } from '../../rules/rollout/states.ts';
import type { Db } from '../../store/database.ts';
import * as rollouts from '../../store/rollouts.ts';

/** What somebody asks of a rollout; `expect` is the revision that they saw. */
export interface RolloutCommand {
  readonly rolloutId: string;
  readonly expect?: string | undefined;
  readonly actor: string;
}

/**
 * The rollout as it stands.
 *
 * @throws StillError `not_found`; `conflict` that says who changed it since the revision that was expected
 */
export async function readExpected(tx: Db, { rolloutId, expect }: RolloutCommand): Promise<rollouts.Rollout> {
  const rollout = await rollouts.get(tx, rolloutId);
  const surprise = unexpected(rollout, expect);
  if (surprise) throw new StillError('conflict', surprise);
  return rollout;
}
