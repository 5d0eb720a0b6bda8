import type { InstallationReason } from '../../../shared/installation.ts';
import { explainStop } from '../../rules/rollout/explain.ts';
import { outcomeOf } from '../../rules/rollout/facts.ts';
import { waveOutcome } from '../../rules/rollout/wave-outcome.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import type { World } from '../../store/world.ts';
import { judgeDevices } from './judge-devices.ts';
import { membersOf, type Situation } from './situation.ts';
import { stopRollout } from './stop-rollout.ts';

/**
 * Judges a wave from what its devices measured, and keeps the verdicts.
 *
 * @returns whether anything changed
 */
export async function judgeWave(
  world: World,
  tx: Db,
  situation: Situation,
  { wave, closing }: { wave: number; closing: boolean },
): Promise<boolean> {
  const { rollout, waves, standings, facts } = situation;
  const { rolloutId } = rollout;
  const { nowMs } = facts;
  if (closing && (await timeOut(tx, situation, wave))) return true;
  const members = membersOf(standings, wave);
  const evidenceKey = await evidenceKeyOf(tx, situation, wave);
  if (!closing && waves[wave]?.evidenceKey === evidenceKey) return false;
  const verdicts = await judgeDevices(tx, situation, members);
  const reached = members.some(({ installation }) => installation && outcomeOf(installation.state) !== 'open');
  const outcome = closing && members.length > 0 && !reached ? 'fail' : waveOutcome(verdicts, closing);
  await rolloutWaves.update(tx, rolloutId, wave, nowMs, { verdicts, evidenceKey });
  if (outcome === 'insufficient') {
    const missing = verdicts.filter(({ verdict }) => verdict === 'insufficient').map(({ explanation }) => explanation);
    world.log('info', 'not enough evidence yet', { rolloutId, wave, missing });
    return false;
  }
  if (outcome === 'pass') {
    await rolloutTargets.markWaveJudged(tx, rolloutId, wave);
    const waits = rollout.approval === 'manual' && wave < waves.length - 1;
    await rolloutWaves.update(tx, rolloutId, wave, nowMs, { state: waits ? 'AWAITING_APPROVAL' : 'PASSED' });
    return true;
  }
  const because = reached
    ? explainStop(wave, verdicts)
    : `stopped at wave ${wave + 1}: none of its ${members.length} devices was reached before the deadline`;
  await stopRollout(tx, situation, because);
  return true;
}

/** At the deadline, what a device has begun and not ended counts as failed. @returns whether there was such a device */
async function timeOut(tx: Db, { standings, facts, rollout }: Situation, wave: number): Promise<boolean> {
  const late = membersOf(standings, wave).filter(
    ({ installation }) => installation?.contacted && outcomeOf(installation.state) === 'open',
  );
  const reason: InstallationReason = {
    code: 'deadline_passed',
    message: `the wave's deadline of ${rollout.waveDeadlineMs} ms passed`,
  };
  for (const { installationId } of late) {
    const installation = await installations.find(tx, installationId ?? '');
    if (!installation) continue;
    const ended = await installations.move(tx, installation, { to: 'TIMED_OUT', atMs: facts.nowMs, reason });
    await desiredStates.withdraw(tx, ended, { to: 'CANCELED', reason }, facts.nowMs);
  }
  return late.length > 0;
}

/** Grows with every device that ended and every measurement that came in. */
async function evidenceKeyOf(tx: Db, { rollout, standings }: Situation, wave: number): Promise<string> {
  const ended = membersOf(standings, wave).filter(
    ({ installation }) => installation && outcomeOf(installation.state) !== 'open',
  );
  return `${ended.length} ended, ${await benchRuns.countOfRollout(tx, rollout.rolloutId)} measured`;
}
