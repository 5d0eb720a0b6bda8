import { StillError } from '../../shared/errors.ts';
import { tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import * as decisions from '../store/decisions.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';

/** Lets the next wave start: after gates that passed, or over one that paused the rollout. */
export async function approveRollout({ store, clock }: World, command: RolloutCommand): Promise<void> {
  const { rolloutId, actor } = command;
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    const waves = await rolloutWaves.of(tx, rolloutId);
    const stopped =
      rollout.state === 'PAUSED' && waves.find((wave) => wave.state === 'RUNNING' && wave.verdicts.length > 0);
    const wave = waves.find(({ state }) => state === 'AWAITING_APPROVAL') || stopped;
    if (rollout.endedAtMs !== null || !wave)
      throw new StillError('conflict', `nothing waits for approval: ${tellChange(rollout)}; ${rollout.explanation}`);
    await rolloutWaves.update(tx, rolloutId, wave.index, atMs, { state: 'PASSED' });
    await rolloutTargets.markWaveJudged(tx, rolloutId, wave.index);
    if (stopped) await rolloutTargets.forgetLate(tx, rolloutId);
    const explanation = `wave ${wave.index + 1} approved by ${actor}`;
    const state = stopped ? 'RUNNING' : rollout.state;
    await rollouts.update(
      tx,
      rolloutId,
      atMs,
      { state, explanation },
      { actor, what: `wave ${wave.index + 1} approved` },
    );
    await decisions.append(tx, {
      ...{ rolloutId, atMs, actor, kind: 'approve', wave: wave.index, explanation },
      evidence: { verdicts: wave.verdicts },
    });
    await audit.append(tx, {
      atMs,
      actor,
      action: 'approve-rollout',
      subject: rolloutId,
      details: { wave: wave.index },
    });
  });
}
