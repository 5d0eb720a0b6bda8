import { explainStop } from '../../rules/rollout/explain.ts';
import { isExhausted } from '../../rules/rollout/measure-again.ts';
import { waveOutcome } from '../../rules/rollout/wave-outcome.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rollouts from '../../store/rollouts.ts';
import type { World } from '../../store/world.ts';
import { askDevices } from './ask-devices.ts';
import { judgeDevices } from './judge-devices.ts';
import { deviceKeyOf, membersOf, type Situation } from './situation.ts';
import { stopRollout } from './stop-rollout.ts';

/** A device that came after its wave had passed is judged by itself, and goes back by itself where the rollout is over. */
export async function judgeLate(
  world: World,
  tx: Db,
  situation: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const { rollout, facts, standings, gates, asked } = situation;
  const { rolloutId, state } = rollout;
  const { nowMs } = facts;
  for (const standing of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const { device, deviceId, waveIndex, installationId } = standing;
    const judged = await judgeDevices(tx, situation, [standing], membersOf(standings, waveIndex));
    const { verdicts } = judged;
    const outcome = waveOutcome(verdicts, false);
    await decisions.append(tx, {
      ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'judge-late', wave: waveIndex },
      explanation: `${device} came late: ${[outcome, ...verdicts.map(({ explanation }) => explanation)].join('; ')}`,
      evidence: { device, verdicts, runs: judged.runs },
    });
    await rolloutTargets.setEvidenceKey(tx, rolloutId, deviceId, deviceKeyOf(situation, deviceId));
    if (outcome === 'insufficient') {
      await askDevices(world, tx, situation, judged, waveIndex);
      // It was asked often enough: it keeps what nothing speaks against.
      if (!isExhausted(asked.get(deviceId) ?? { asked: 0, open: 0 }, gates)) continue;
    }
    await rolloutTargets.markDeviceJudged(tx, rolloutId, deviceId);
    if (outcome !== 'fail') continue;
    const because = `${device} came late: ${explainStop(waveIndex, verdicts)}`;
    if (state === 'RUNNING') return stopRollout(tx, situation, because);
    const installation = await installations.find(tx, installationId ?? '');
    const reason = { code: 'canceled', message: because.slice(0, 2000) } as const;
    if (installation) await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, nowMs);
    await rollouts.update(tx, rolloutId, nowMs, { explanation: `${rollout.explanation}; ${because}` });
  }
}
