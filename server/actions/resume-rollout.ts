import { StillError } from '../../shared/errors.ts';
import { tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as decisions from '../store/decisions.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';

/** Goes on where it was paused; a gate that had stopped it is judged again. */
export async function resumeRollout({ store, clock }: World, command: RolloutCommand): Promise<void> {
  const { rolloutId, actor } = command;
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    if (rollout.state === 'RUNNING') return;
    if (rollout.state !== 'PAUSED') throw new StillError('conflict', `${tellChange(rollout)}; ${rollout.explanation}`);
    for (const { index, state } of await rolloutWaves.of(tx, rolloutId))
      if (state === 'RUNNING') await rolloutWaves.update(tx, rolloutId, index, atMs, { evidenceKey: null });
    const explanation = `resumed by ${actor}`;
    await rollouts.update(tx, rolloutId, atMs, { state: 'RUNNING', explanation }, { actor, what: 'resumed' });
    await decisions.append(tx, { rolloutId, atMs, actor, kind: 'resume', wave: null, explanation });
    await audit.append(tx, { atMs, actor, action: 'resume-rollout', subject: rolloutId, details: {} });
  });
}
