import type { InstallationReason } from '../../../shared/installation.ts';
import { duration } from '../../../shared/units.ts';
import { explainStop } from '../../rules/rollout/explain.ts';
import { isWithoutWitness, membersOf as memberFactsOf, outcomeOf } from '../../rules/rollout/facts.ts';
import { waveOutcome } from '../../rules/rollout/wave-outcome.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import type { World } from '../../store/world.ts';
import { askDevices } from './ask-devices.ts';
import { type Judged, judgeDevices } from './judge-devices.ts';
import { membersOf, type Situation, waveKeyOf } from './situation.ts';
import { stopRollout } from './stop-rollout.ts';

/**
 * Judges a wave from what its devices measured, and keeps the verdicts with what they rest on.
 *
 * @returns whether to look again
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
  const judged = await judgeDevices(tx, situation, members);
  const { verdicts } = judged;
  const reached = members.some(({ installation }) => installation && outcomeOf(installation.state) !== 'open');
  // Nobody will bring the evidence that is missing: that is known now, and the deadline would change nothing.
  const isOver = closing || isWithoutWitness(memberFactsOf(facts, wave), facts);
  const outcome = closing && members.length > 0 && !reached ? 'fail' : waveOutcome(verdicts, isOver);
  const evidenceKey = waveKeyOf(standings, situation.evidenceKeys, wave);
  await rolloutWaves.update(tx, rolloutId, wave, nowMs, { verdicts, evidenceKey });
  await decisions.append(tx, {
    ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'judge', wave },
    explanation: `wave ${wave + 1}${closing ? ' at its deadline' : ''}: ${outcomeText(outcome, judged)}`,
    evidence: { verdicts, runs: judged.runs },
  });
  if (outcome === 'insufficient') {
    await askDevices(world, tx, situation, judged, wave);
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

const WORDS = { pass: 'passed', fail: 'failed', insufficient: 'not enough evidence yet' } as const;
const outcomeText = (outcome: keyof typeof WORDS, { verdicts }: Judged): string =>
  [WORDS[outcome], ...verdicts.map(({ explanation }) => explanation)].join('; ');

/** At the deadline, what a device has begun and not ended counts as failed. @returns whether there was such a device */
async function timeOut(tx: Db, { standings, facts, rollout }: Situation, wave: number): Promise<boolean> {
  const late = membersOf(standings, wave).filter(
    ({ installation }) => installation?.contacted && outcomeOf(installation.state) === 'open',
  );
  const reason: InstallationReason = {
    code: 'deadline_passed',
    message: `the wave's deadline of ${duration(rollout.waveDeadlineMs)} passed`,
  };
  for (const { installationId } of late) {
    const installation = await installations.find(tx, installationId ?? '');
    if (!installation) continue;
    const ended = await installations.move(tx, installation, { to: 'TIMED_OUT', atMs: facts.nowMs, reason });
    await desiredStates.withdraw(tx, ended, { to: 'CANCELED', reason }, facts.nowMs);
  }
  return late.length > 0;
}
