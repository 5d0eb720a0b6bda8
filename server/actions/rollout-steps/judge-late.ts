import { explainLate } from '../../rules/rollout/explain.ts';
import { haveAllPassed } from '../../rules/rollout/facts.ts';
import { lateOutcome } from '../../rules/rollout/late-outcome.ts';
import { isExhausted } from '../../rules/rollout/measure-again.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import type { World } from '../../store/world.ts';
import { askDevices } from './ask-devices.ts';
import { holdLate } from './hold-late.ts';
import { judgeDevices } from './judge-devices.ts';
import { deviceKeyOf, type Situation } from './situation.ts';
import { stopRollout } from './stop-rollout.ts';

/**
 * Judges devices that came after their wave was judged. Where one breaks a gate, a rollout with waves to come stops; one
 * whose waves have all passed sends that device back and takes no more of them.
 */
export async function judgeLate(
  world: World,
  tx: Db,
  situation: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const { rollout, facts, standings, gates, asked } = situation;
  const { rolloutId } = rollout;
  const { nowMs } = facts;
  const late = standings.filter(({ countedLate, revoked, takenBy }) => countedLate && !revoked && takenBy === null);
  let holds = rollout.lateHold !== null;
  for (const standing of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const { device, deviceId, waveIndex, installationId, installation } = standing;
    if (!installation) continue;
    const judged = await judgeDevices(tx, situation, [standing], [...late, standing]);
    const { outcome, verdicts, counts } = lateOutcome(installation.state, judged.verdicts);
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
    await rolloutTargets.markDeviceJudged(tx, rolloutId, deviceId, counts);
    if (counts) late.push(standing);
    if (outcome !== 'fail') continue;
    const because = explainLate(device, verdicts);
    if (!haveAllPassed(facts)) return stopRollout(tx, situation, because);
    const reason = { code: 'canceled', message: because.slice(0, 2000) } as const;
    const broken = await installations.find(tx, installationId ?? '');
    if (broken) await desiredStates.withdraw(tx, broken, { to: 'CANCELED', reason }, nowMs);
    if (!holds) await holdLate(tx, situation, because, decisions.SERVER);
    holds = true;
  }
}
