import { explainStop } from '../../rules/rollout/explain.ts';
import { waveOutcome } from '../../rules/rollout/wave-outcome.ts';
import type { Db } from '../../store/database.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rollouts from '../../store/rollouts.ts';
import { judgeDevices } from './judge-devices.ts';
import type { Situation } from './situation.ts';
import { stopRollout } from './stop-rollout.ts';

/** A device that came after its wave had passed is judged by itself, and goes back by itself where the rollout is over. */
export async function judgeLate(tx: Db, situation: Situation, deviceIds: readonly string[]): Promise<void> {
  const { rollout, facts, standings } = situation;
  const { rolloutId, state } = rollout;
  for (const standing of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const { device, deviceId, waveIndex, installationId } = standing;
    const verdicts = await judgeDevices(tx, situation, [standing]);
    await rolloutTargets.markDeviceJudged(tx, rolloutId, deviceId);
    if (waveOutcome(verdicts, false) !== 'fail') continue;
    const because = `${device} came late: ${explainStop(waveIndex, verdicts)}`;
    if (state === 'RUNNING') return stopRollout(tx, situation, because);
    const installation = await installations.find(tx, installationId ?? '');
    const reason = { code: 'canceled', message: because } as const;
    if (installation) await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, facts.nowMs);
    await rollouts.update(tx, rolloutId, facts.nowMs, { explanation: `${rollout.explanation}; ${because}` });
  }
}
