import { StillError } from '../../shared/errors.ts';
import * as audit from '../store/audit.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';

/** Goes on where it was paused; a gate that had stopped it is judged again. */
export async function resumeRollout(
  { store, clock }: World,
  { rolloutId, actor }: { rolloutId: string; actor: string },
): Promise<void> {
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await rollouts.get(tx, rolloutId);
    if (rollout.state === 'RUNNING') return;
    if (rollout.state !== 'PAUSED')
      throw new StillError('conflict', `rollout ${rolloutId} is ${rollout.state}: ${rollout.explanation}`);
    for (const { index, state } of await rolloutWaves.of(tx, rolloutId))
      if (state === 'RUNNING') await rolloutWaves.update(tx, rolloutId, index, atMs, { evidenceKey: null });
    await rollouts.update(tx, rolloutId, atMs, { state: 'RUNNING', explanation: `resumed by ${actor}` });
    await audit.append(tx, { atMs, actor, action: 'resume-rollout', subject: rolloutId, details: {} });
  });
}
