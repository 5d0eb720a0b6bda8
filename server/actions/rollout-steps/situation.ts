// An open rollout as it stands, read in one go: what the decision needs, and what carrying it out needs.
import { type Gate, parseGate } from '../../../shared/gates.ts';
import { installationTable } from '../../../shared/installation.ts';
import { isFinal } from '../../../shared/machine.ts';
import { outcomeOf, type RolloutFacts } from '../../rules/rollout/facts.ts';
import { WINDOW_LABELS, windowState } from '../../rules/rollout/maintenance-window.ts';
import type { Asked } from '../../rules/rollout/measure-again.ts';
import { startsSpanMs } from '../../rules/rollout/pace.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as devices from '../../store/devices.ts';
import * as installations from '../../store/installations.ts';
import * as jobs from '../../store/jobs.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import * as rollouts from '../../store/rollouts.ts';

export interface Situation {
  readonly rollout: rollouts.Rollout;
  readonly waves: readonly rolloutWaves.Wave[];
  readonly standings: readonly rolloutTargets.TargetStanding[];
  readonly gates: readonly Gate[];
  /** Device id → the version that relative gates compare with: what ran in its place, or what a shadow runs beside. */
  readonly comparedWith: ReadonlyMap<string, NonNullable<rolloutTargets.TargetStanding['before']>>;
  /** Device id → what this rollout asked it to measure beside the probe. */
  readonly asked: ReadonlyMap<string, Asked>;
  /** Device id → what its evidence consists of; differs whenever the evidence does. */
  readonly evidenceKeys: ReadonlyMap<string, EvidenceKey>;
  readonly facts: RolloutFacts;
}

/** Who asks for a rollout's measurements. */
export const requesterOf = (rolloutId: string): string => `rollout ${rolloutId}`;

export async function look(db: Db, rolloutId: string, nowMs: number): Promise<Situation> {
  const rollout = await rollouts.find(db, rolloutId);
  if (!rollout) throw new Error(`rollout ${rolloutId} is gone`);
  const waves = await rolloutWaves.of(db, rolloutId);
  const standings = await rolloutTargets.standingsOf(db, rollout);
  const hours = await devices.labelsNamed(db, WINDOW_LABELS);
  const comparedWith = await comparedWithOf(db, rollout, standings);
  const asked = await jobs.askedBy(db, requesterOf(rolloutId));
  const runs = await benchRuns.countsOfRollout(db, rolloutId);
  const parsed = rollout.gates.map(parseGate);
  const gates = parsed.flatMap((one) => (one.kind === 'gate' ? [one.gate] : []));
  const evidenceKeys = new Map(
    standings.map((one) => [one.deviceId, keyOf(one, runs.get(one.deviceId), asked.get(one.deviceId))]),
  );
  const waveKey = (index: number) => waveKeyOf(standings, evidenceKeys, index);
  const facts: RolloutFacts = {
    nowMs,
    state: rollout.state,
    unreadable: parsed.find((one) => one.kind === 'unreadable')?.message ?? null,
    waves: waves.map((wave) => ({ ...wave, hasNews: wave.evidenceKey !== waveKey(wave.index) })),
    targets: standings.map((standing) => ({
      ...standing,
      wave: standing.waveIndex,
      left: standing.revoked || standing.takenBy !== null,
      hasNews: standing.evidenceKey !== deviceKeyOf({ evidenceKeys }, standing.deviceId),
      window: windowState(hours.get(standing.deviceId) ?? {}, nowMs),
      isBack: rollout.state === 'ROLLING_BACK' && isBack(standing, rollout),
      isNamed: standing.installationId !== null && standing.desiredInstallationId === standing.installationId,
      canReinstall: standing.before !== null && standing.desiredInstallationId === standing.before.installationId,
    })),
    failuresAllowed: failuresAllowed(gates),
    pace: rollout.pace,
    startsMs: await startsOf(db, rollout, nowMs),
    retries: rollout.retries,
    dynamicUntilMs: rollout.dynamicUntilMs,
    lateHold: rollout.lateHold,
    returningSinceMs: rollout.returningSinceMs,
  };
  return { rollout, waves, standings, gates, comparedWith, asked, evidenceKeys, facts };
}

async function startsOf(db: Db, { rolloutId, pace }: rollouts.Rollout, nowMs: number): Promise<number[]> {
  const spanMs = startsSpanMs(pace);
  return spanMs === 0 ? [] : installations.begunSince(db, rolloutId, nowMs - spanMs);
}

async function comparedWithOf(
  db: Db,
  { model, role }: rollouts.Rollout,
  standings: readonly rolloutTargets.TargetStanding[],
): Promise<Situation['comparedWith']> {
  if (role === 'shadow') return desiredStates.currentOf(db, model);
  return new Map(standings.flatMap(({ deviceId, before }) => (before ? [[deviceId, before] as const] : [])));
}

/** Grows with every end of an installation, every measurement and every answer; and a device that returns can be asked. */
interface EvidenceKey {
  readonly ended: number;
  readonly runs: number;
  readonly answered: number;
  readonly here: boolean;
}

function keyOf(standing: rolloutTargets.TargetStanding, runs = 0, asked: Asked = { asked: 0, open: 0 }): EvidenceKey {
  const { installation, attempts, online } = standing;
  const open = installation === null || !isFinal(installationTable, installation.state);
  return { ended: Math.max(0, attempts - Number(open)), runs, answered: asked.asked - asked.open, here: online };
}

export const deviceKeyOf = ({ evidenceKeys }: Pick<Situation, 'evidenceKeys'>, deviceId: string): string => {
  const key = evidenceKeys.get(deviceId);
  return key ? printKey(key) : '';
};

export function waveKeyOf(
  standings: readonly rolloutTargets.TargetStanding[],
  evidenceKeys: ReadonlyMap<string, EvidenceKey>,
  wave: number,
): string {
  const total = { ended: 0, runs: 0, answered: 0, here: 0 };
  for (const { deviceId } of membersOf(standings, wave)) {
    const key = evidenceKeys.get(deviceId);
    if (!key) continue;
    total.ended += key.ended;
    total.runs += key.runs;
    total.answered += key.answered;
    total.here += Number(key.here);
  }
  return printKey(total);
}

const printKey = ({ ended, runs, answered, here }: Record<keyof EvidenceKey, number | boolean>): string =>
  `${ended} ended, ${runs} measured, ${answered} answered, ${Number(here)} here`;

function failuresAllowed(gates: readonly Gate[]): RolloutFacts['failuresAllowed'] {
  let [count, share] = [Infinity, 1];
  for (const { metric, operator, limit, against } of gates) {
    if (metric !== 'failures') continue;
    if (against === 'share') share = Math.min(share, limit / 100 - (operator === '<' ? 1e-6 : 0));
    else count = Math.min(count, operator === '<' ? limit - 1 : limit);
  }
  return { count, share };
}

function isBack(
  { running, before, installation }: rolloutTargets.TargetStanding,
  { model, role }: rollouts.Rollout,
): boolean {
  if (installation && outcomeOf(installation.state) === 'open') return false;
  const runs = running().find((one) => one.model === model && one.role === role);
  return runs?.versionDigest === before?.versionDigest && runs?.variant === before?.variant;
}

export const membersOf = (standings: readonly rolloutTargets.TargetStanding[], wave: number) =>
  standings.filter(({ waveIndex, revoked, takenBy }) => waveIndex === wave && !revoked && takenBy === null);
