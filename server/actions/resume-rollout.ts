import { StillError } from '../../shared/errors.ts';
import { explainSuccess } from '../rules/rollout/explain.ts';
import { tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as decisions from '../store/decisions.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';
import { look } from './rollout-steps/situation.ts';

/**
 * Goes on where it was paused, and takes devices that come late where it held back from them; these are counted anew. A
 * gate that had stopped it is judged again.
 */
export async function resumeRollout({ store, clock }: World, command: RolloutCommand): Promise<void> {
  const { rolloutId, actor } = command;
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    const { state, lateHold } = rollout;
    if (state === 'RUNNING' && lateHold === null) return;
    const holdsBack = lateHold !== null && (state === 'RUNNING' || state === 'SUCCEEDED');
    if (state !== 'PAUSED' && !holdsBack)
      throw new StillError('conflict', `${tellChange(rollout)}; ${rollout.explanation}`);
    await rolloutTargets.forgetLate(tx, rolloutId);
    for (const { index, state } of await rolloutWaves.of(tx, rolloutId))
      if (state === 'RUNNING') await rolloutWaves.update(tx, rolloutId, index, atMs, { evidenceKey: null });
    const by = `resumed by ${actor}`;
    const explanation =
      state === 'SUCCEEDED' ? explainSuccess({ ...(await look(tx, rolloutId, atMs)).facts, lateHold: null }) : by;
    const change = { state: state === 'SUCCEEDED' ? state : 'RUNNING', lateHold: null, explanation } as const;
    await rollouts.update(tx, rolloutId, atMs, change, { actor, what: 'resumed' });
    await decisions.append(tx, { rolloutId, atMs, actor, kind: 'resume', wave: null, explanation: by });
    await audit.append(tx, { atMs, actor, action: 'resume-rollout', subject: rolloutId, details: {} });
  });
}
