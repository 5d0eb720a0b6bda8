// Carries every open rollout as far as the facts allow. Each step is one transaction that looks at the facts again, so a
// crash between two steps loses nothing and repeats nothing.
import { type DeviceEvidence, type Gate, type GateVerdict, judge, parseGate } from '../../shared/gates.ts';
import { newId } from '../../shared/ids.ts';
import type { InstallationReason } from '../../shared/installation.ts';
import { measurementOf } from '../rules/evidence.ts';
import { probeFor } from '../rules/plan/plan-rollout.ts';
import { explainProgress, explainReturn, explainStop, explainSuccess } from '../rules/rollout/explain.ts';
import { outcomeOf, type RolloutFacts } from '../rules/rollout/facts.ts';
import { nextStep, type RolloutStep } from '../rules/rollout/next-step.ts';
import { waveOutcome } from '../rules/rollout/wave-outcome.ts';
import * as benchRuns from '../store/bench-runs.ts';
import type { Db } from '../store/database.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as installations from '../store/installations.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';

interface Situation {
  readonly rollout: rollouts.Rollout;
  readonly waves: readonly rollouts.Wave[];
  readonly standings: readonly rollouts.TargetStanding[];
  readonly gates: readonly Gate[];
  readonly facts: RolloutFacts;
}

/** More steps than this in one turn would be a circle. */
const STEPS_A_TURN = 1000;

/** @returns when something is due by time alone, UTC milliseconds; null when nothing is */
export async function advanceRollouts(world: World): Promise<number | null> {
  const { db } = world.store;
  const due: number[] = [];
  for (const { rolloutId } of [...(await rollouts.open(db)), ...(await rollouts.withLateDevices(db))]) {
    const untilMs = await advance(world, rolloutId);
    if (untilMs !== null) due.push(untilMs);
  }
  return due.length > 0 ? Math.min(...due) : null;
}

async function advance(world: World, rolloutId: string): Promise<number | null> {
  for (let turn = 0; turn < STEPS_A_TURN; turn++) {
    const looked = await look(world.store.db, rolloutId, world.clock.now());
    const step = nextStep(looked.facts);
    if (step.kind === 'wait' && !hasNews(looked)) return step.untilMs;
    const again = await world.store.write(async (tx) => {
      const situation = await look(tx, rolloutId, world.clock.now());
      return carryOut(world, tx, situation, nextStep(situation.facts));
    });
    if (!again) return step.kind === 'wait' ? step.untilMs : null;
  }
  throw new Error(`rollout ${rolloutId} does not come to rest`);
}

async function look(db: Db, rolloutId: string, nowMs: number): Promise<Situation> {
  const rollout = await rollouts.find(db, rolloutId);
  if (!rollout) throw new Error(`rollout ${rolloutId} is gone`);
  const waves = await rollouts.wavesOf(db, rolloutId);
  const standings = await rollouts.standingsOf(db, rollout);
  const gates = rollout.gates.map(readGate);
  const failures = gates
    .filter(({ metric }) => metric === 'failures')
    .map(({ operator, limit }) => (operator === '<' ? limit - 1 : limit));
  const facts: RolloutFacts = {
    nowMs,
    state: rollout.state,
    waves,
    targets: standings.map((standing) => ({
      ...standing,
      wave: standing.waveIndex,
      isBack: isBack(standing, rollout.model),
      isNamed: standing.installationId !== null && standing.desiredInstallationId === standing.installationId,
      canReinstall: standing.before !== null && standing.desiredInstallationId === standing.before.installationId,
    })),
    failuresAllowed: Math.min(...failures),
    returningSinceMs: rollout.returningSinceMs,
  };
  return { rollout, waves, standings, gates, facts };
}

/** A gate that cannot be read stops everything: it was readable when it was stored. */
function readGate(text: string): Gate {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return parsed.gate;
}

function isBack({ running, before, installation }: rollouts.TargetStanding, model: string): boolean {
  if (installation && outcomeOf(installation.state) === 'open') return false;
  const runs = running.find((one) => one.model === model && one.role === 'current');
  return runs?.versionDigest === before?.versionDigest && runs?.variant === before?.variant;
}

const hasNews = ({ rollout, facts }: Situation): boolean =>
  rollout.state === 'RUNNING' && explainProgress(facts) !== rollout.explanation;

/** @returns whether to look again */
async function carryOut(world: World, tx: Db, situation: Situation, step: RolloutStep): Promise<boolean> {
  const { rollout, facts } = situation;
  const { rolloutId } = rollout;
  const { nowMs } = facts;
  switch (step.kind) {
    case 'start-wave':
      await startWave(world, tx, situation, step.wave);
      return true;
    case 'judge-wave':
      return judgeWave(world, tx, situation, step);
    case 'judge-late':
      await judgeLate(tx, situation, step.deviceIds);
      return true;
    case 'succeed':
      await rollouts.update(tx, rolloutId, nowMs, {
        state: 'SUCCEEDED',
        endedAtMs: nowMs,
        explanation: explainSuccess(facts),
      });
      return false;
    case 'withdraw':
      await withdraw(tx, situation, step.deviceIds);
      return true;
    case 'reinstall':
      await reinstall(world, tx, situation, step.deviceIds);
      return true;
    case 'finish-return': {
      const explanation = explainReturn(rollout.endingBecause ?? '', facts, versionsBefore(situation));
      const state = rollout.ending ?? 'STOPPED';
      await rollouts.update(tx, rolloutId, nowMs, { state, endedAtMs: nowMs, explanation });
      return false;
    }
    case 'wait':
      if (hasNews(situation)) await rollouts.update(tx, rolloutId, nowMs, { explanation: explainProgress(facts) });
      return false;
  }
}

async function startWave({ randomness }: World, tx: Db, situation: Situation, wave: number): Promise<void> {
  const { rollout, facts, standings, gates } = situation;
  const { rolloutId, model, version, versionDigest, waveDeadlineMs } = rollout;
  const { nowMs } = facts;
  for (const { deviceId, variant, running } of membersOf(standings, wave)) {
    const { generation } = await desiredStates.load(tx, deviceId);
    const runs = running.find((one) => one.model === model && one.role === 'current');
    const installationId = newId('ins', nowMs, randomness.bytes);
    await installations.insert(tx, {
      ...{ installationId, deviceId, rolloutId, model, version, versionDigest, variant },
      role: 'current',
      probe: probeFor(gates),
      generation: generation + 1,
      beforeInstallationId: await committedId(tx, deviceId, runs?.installationId),
      createdAtMs: nowMs,
    });
    await rollouts.setTargetInstallation(tx, rolloutId, deviceId, installationId);
    const installation = await installations.find(tx, installationId);
    await desiredStates.place(tx, { deviceId, model, role: 'current', installation, calledOff: REPLACED }, nowMs);
  }
  await rollouts.updateWave(tx, rolloutId, wave, nowMs, {
    state: 'RUNNING',
    startedAtMs: nowMs,
    deadlineMs: nowMs + waveDeadlineMs,
  });
}

const REPLACED = {
  to: 'SUPERSEDED',
  reason: { code: 'superseded', message: 'another rollout came before the device heard of it' },
} as const;

/** What a device says that it runs is a way back only if it was committed there. */
async function committedId(tx: Db, deviceId: string, installationId: string | undefined): Promise<string | null> {
  const known = installationId === undefined ? null : await installations.find(tx, installationId);
  return known?.deviceId === deviceId && known.state === 'COMMITTED' ? known.installationId : null;
}

async function judgeWave(
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
  const verdicts = await judgeAll(tx, situation, members);
  const reached = members.some(({ installation }) => installation && outcomeOf(installation.state) !== 'open');
  const outcome = closing && members.length > 0 && !reached ? 'fail' : waveOutcome(verdicts, closing);
  await rollouts.updateWave(tx, rolloutId, wave, nowMs, { verdicts, evidenceKey });
  if (outcome === 'insufficient') {
    const missing = verdicts.filter(({ verdict }) => verdict === 'insufficient').map(({ explanation }) => explanation);
    world.log('info', 'not enough evidence yet', { rolloutId, wave, missing });
    return false;
  }
  if (outcome === 'pass') {
    await rollouts.markJudged(tx, rolloutId, wave);
    const waits = rollout.approval === 'manual' && wave < waves.length - 1;
    await rollouts.updateWave(tx, rolloutId, wave, nowMs, { state: waits ? 'AWAITING_APPROVAL' : 'PASSED' });
    return true;
  }
  const because = reached
    ? explainStop(wave, verdicts)
    : `stopped at wave ${wave + 1}: none of its ${members.length} devices was reached before the deadline`;
  await stop(tx, situation, because);
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

async function judgeAll(
  tx: Db,
  { rollout, gates }: Situation,
  members: readonly rollouts.TargetStanding[],
): Promise<GateVerdict[]> {
  const evidence: DeviceEvidence[] = [];
  for (const { deviceId, device, deviceClass, installation, variant, before } of members) {
    const outcome = installation && outcomeOf(installation.state);
    if (!installation || !outcome || outcome === 'open') continue;
    const sinceMs = installation.createdAtMs;
    const { versionDigest } = rollout;
    const measured = await benchRuns.newest(tx, { deviceId, versionDigest, variant, sinceMs });
    const earlier = before && (await benchRuns.newest(tx, { deviceId, ...before, beforeMs: sinceMs }));
    evidence.push({
      ...{ device, deviceClass, outcome },
      measured: measured && measurementOf(measured),
      before: earlier && measurementOf(earlier),
    });
  }
  return gates.map((gate) => judge(gate, evidence));
}

/** A device that came after its wave had passed is judged by itself, and goes back by itself where the rollout is over. */
async function judgeLate(tx: Db, situation: Situation, deviceIds: readonly string[]): Promise<void> {
  const { rollout, facts, standings } = situation;
  const { rolloutId, state } = rollout;
  for (const standing of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const { device, deviceId, waveIndex, installationId } = standing;
    const verdicts = await judgeAll(tx, situation, [standing]);
    await rollouts.markDeviceJudged(tx, rolloutId, deviceId);
    if (waveOutcome(verdicts, false) !== 'fail') continue;
    const because = `${device} came late: ${explainStop(waveIndex, verdicts)}`;
    if (state === 'RUNNING') return stop(tx, situation, because);
    const installation = await installations.find(tx, installationId ?? '');
    const reason = { code: 'canceled', message: because } as const;
    if (installation) await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, facts.nowMs);
    await rollouts.update(tx, rolloutId, facts.nowMs, { explanation: `${rollout.explanation}; ${because}` });
  }
}

async function stop(tx: Db, { rollout, facts: { nowMs } }: Situation, because: string): Promise<void> {
  const { rolloutId, onFailure } = rollout;
  if (onFailure === 'pause') {
    const explanation = `${because}; paused: "resume" judges again, "approve" passes over it, "abort" returns the devices`;
    return rollouts.update(tx, rolloutId, nowMs, { state: 'PAUSED', explanation });
  }
  await rollouts.endWaves(tx, rolloutId, 'FAILED', nowMs);
  await rollouts.update(tx, rolloutId, nowMs, {
    state: 'ROLLING_BACK',
    ending: 'STOPPED',
    endingBecause: because,
    returningSinceMs: nowMs,
    explanation: `${because}; its devices return`,
  });
}

async function withdraw(tx: Db, { rollout, standings, facts }: Situation, deviceIds: readonly string[]): Promise<void> {
  const reason = { code: 'canceled', message: rollout.endingBecause ?? 'the rollout ended' } as const;
  for (const { installationId } of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const installation = await installations.find(tx, installationId ?? '');
    if (installation) await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, facts.nowMs);
  }
}

/** The device no longer has what it ran before at hand: it installs it anew. */
async function reinstall(
  { randomness, log }: World,
  tx: Db,
  { rollout, standings, facts: { nowMs } }: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const { model } = rollout;
  for (const { deviceId, device, before } of standings.filter((one) => deviceIds.includes(one.deviceId))) {
    const ended = before && (await installations.find(tx, before.installationId));
    if (!ended) continue;
    const installationId = newId('ins', nowMs, randomness.bytes);
    const { generation } = await desiredStates.load(tx, deviceId);
    await installations.insert(tx, {
      ...ended,
      ...{ installationId, rolloutId: null, beforeInstallationId: null },
      generation: generation + 1,
      createdAtMs: nowMs,
    });
    const installation = await installations.find(tx, installationId);
    await desiredStates.place(tx, { deviceId, model, role: 'current', installation, calledOff: REPLACED }, nowMs);
    log('warn', 'a device does not come back by itself, it installs anew', { device, installationId });
  }
}

const membersOf = (standings: readonly rollouts.TargetStanding[], wave: number) =>
  standings.filter(({ waveIndex, revoked }) => waveIndex === wave && !revoked);

const versionsBefore = ({ standings }: Situation) =>
  new Map(standings.map(({ deviceId, before }) => [deviceId, before?.version ?? null]));
