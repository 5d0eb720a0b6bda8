import { StillError } from '../../shared/errors.ts';
import { mayBecome } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as installations from '../store/installations.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';

/**
 * Ends a rollout. With `rollBack` its devices return to what they ran, and the tick sees them home. Without, devices
 * keep what they have or are installing; only those that have not heard of it yet never will.
 */
export async function abortRollout(
  { store, clock }: World,
  { rolloutId, rollBack, actor }: { rolloutId: string; rollBack: boolean; actor: string },
): Promise<void> {
  const atMs = clock.now();
  const because = `aborted by ${actor}`;
  await store.write(async (tx) => {
    const rollout = await rollouts.get(tx, rolloutId);
    if (!mayBecome(rollout.state, rollBack ? 'ROLLING_BACK' : 'ABORTED') || rollout.state === 'ROLLING_BACK')
      throw new StillError('conflict', `rollout ${rolloutId} is ${rollout.state}: ${rollout.explanation}`);
    await rolloutWaves.endAll(tx, rolloutId, 'CANCELED', atMs);
    await audit.append(tx, { atMs, actor, action: 'abort-rollout', subject: rolloutId, details: { rollBack } });
    if (rollBack)
      return rollouts.update(tx, rolloutId, atMs, {
        state: 'ROLLING_BACK',
        ending: 'ABORTED',
        endingBecause: because,
        returningSinceMs: atMs,
        explanation: because,
      });
    const reason = { code: 'canceled', message: `rollout ${rolloutId} was ${because}` } as const;
    for (const installation of await installations.ofRollout(tx, rolloutId))
      if (installation.state === 'QUEUED')
        await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, atMs);
    const explanation = `${because}; devices keep what they have`;
    await rollouts.update(tx, rolloutId, atMs, { state: 'ABORTED', endedAtMs: atMs, explanation });
  });
}
