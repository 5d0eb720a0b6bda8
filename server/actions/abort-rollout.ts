import { StillError } from '../../shared/errors.ts';
import { mayBecome, tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as decisions from '../store/decisions.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as installations from '../store/installations.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';

/**
 * Ends a rollout. With `rollBack` its devices return to what they ran, and the tick sees them home. Without, devices
 * keep what they have or are installing; only those that have not heard of it yet never will.
 */
export async function abortRollout(
  { store, clock }: World,
  command: RolloutCommand & { readonly rollBack: boolean },
): Promise<void> {
  const { rolloutId, rollBack, actor } = command;
  const atMs = clock.now();
  const because = `aborted by ${actor}`;
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    // A shadow that has proven itself runs until it is promoted or taken away.
    const takesAway = rollBack && rollout.role === 'shadow' && rollout.state === 'SUCCEEDED';
    const may = takesAway || mayBecome(rollout.state, rollBack ? 'ROLLING_BACK' : 'ABORTED');
    if (!may || rollout.state === 'ROLLING_BACK')
      throw new StillError('conflict', `${tellChange(rollout)}; ${rollout.explanation}`);
    await rolloutWaves.endAll(tx, rolloutId, 'CANCELED', atMs);
    await audit.append(tx, { atMs, actor, action: 'abort-rollout', subject: rolloutId, details: { rollBack } });
    const what = rollBack ? 'its devices return to what they ran' : 'devices keep what they have';
    const explanation = `${because}; ${what}`;
    await decisions.append(tx, { rolloutId, atMs, actor, kind: 'abort', wave: null, explanation });
    const by = { actor, what: 'aborted' };
    if (rollBack) {
      const way = { ending: 'ABORTED', endingBecause: because, returningSinceMs: atMs } as const;
      return rollouts.update(
        tx,
        rolloutId,
        atMs,
        { state: 'ROLLING_BACK', ...way, explanation: because, endedAtMs: null },
        by,
      );
    }
    const reason = { code: 'canceled', message: `rollout ${rolloutId} was ${because}` } as const;
    for (const installation of await installations.ofRollout(tx, rolloutId))
      if (installation.state === 'QUEUED')
        await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, atMs);
    await rollouts.update(tx, rolloutId, atMs, { state: 'ABORTED', endedAtMs: atMs, explanation }, by);
  });
}
