import { StillError } from '../../shared/errors.ts';
import { mayBecome, tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as decisions from '../store/decisions.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { holdLate } from './rollout-steps/hold-late.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';
import { look } from './rollout-steps/situation.ts';

/**
 * No further device starts, nothing is judged; what is under way on devices goes on. A rollout that has succeeded takes no
 * devices that come late.
 */
export async function pauseRollout({ store, clock }: World, command: RolloutCommand): Promise<void> {
  const { rolloutId, actor } = command;
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    if (rollout.state === 'PAUSED') return;
    if (rollout.state === 'SUCCEEDED') {
      if (rollout.lateHold === null) await holdLate(tx, await look(tx, rolloutId, atMs), `paused by ${actor}`, actor);
      return audit.append(tx, { atMs, actor, action: 'pause-rollout', subject: rolloutId, details: {} });
    }
    if (!mayBecome(rollout.state, 'PAUSED'))
      throw new StillError('conflict', `${tellChange(rollout)}; ${rollout.explanation}`);
    const explanation = `paused by ${actor}; ${rollout.explanation}`;
    await rollouts.update(tx, rolloutId, atMs, { state: 'PAUSED', explanation }, { actor, what: 'paused' });
    await decisions.append(tx, { rolloutId, atMs, actor, kind: 'pause', wave: null, explanation });
    await audit.append(tx, { atMs, actor, action: 'pause-rollout', subject: rolloutId, details: {} });
  });
}
