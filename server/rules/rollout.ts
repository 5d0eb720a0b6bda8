// One decision: what an open rollout does next. Facts in, step out; whoever asks carries it out and asks again.
import type { GateVerdict } from '../../shared/gates.ts';
import type { RolloutState, WaveState } from '../../shared/http-api.ts';
import type { InstallationState } from '../../shared/installation.ts';
import { installationTable } from '../../shared/installation.ts';
import { isFinal } from '../../shared/machine.ts';

/** Legal changes of a rollout's state. */
// biome-ignore format: one aligned line a state
export const rolloutTable = {
  RUNNING:      ['PAUSED', 'ROLLING_BACK', 'SUCCEEDED', 'STOPPED', 'ABORTED'],
  PAUSED:       ['RUNNING', 'ROLLING_BACK', 'ABORTED'],
  ROLLING_BACK: ['STOPPED', 'ABORTED'],
  SUCCEEDED:    [],
  STOPPED:      [],
  ABORTED:      [],
} as const satisfies Record<RolloutState, readonly RolloutState[]>;

export const mayBecome = (from: RolloutState, to: RolloutState): boolean =>
  (rolloutTable[from] as readonly RolloutState[]).includes(to);

export interface TargetFact {
  readonly deviceId: string;
  readonly device: string;
  readonly wave: number;
  readonly online: boolean;
  readonly revoked: boolean;
  readonly judged: boolean;
  /** Null until its wave begins. */
  readonly installation: {
    readonly state: InstallationState;
    /** The device has told that it knows of it. */
    readonly contacted: boolean;
  } | null;
  /** It runs what it ran before, and nothing of this rollout is under way on it. */
  readonly isBack: boolean;
  /** Its desired state still names the installation. */
  readonly isNamed: boolean;
  /** Its desired state names what it ran before, as it was committed then. */
  readonly canReinstall: boolean;
}

export interface WaveFact {
  readonly index: number;
  readonly state: WaveState;
  readonly deadlineMs: number | null;
}

export interface RolloutFacts {
  readonly nowMs: number;
  readonly state: RolloutState;
  readonly waves: readonly WaveFact[];
  readonly targets: readonly TargetFact[];
  /** Most failures that no gate forbids. */
  readonly failuresAllowed: number;
  readonly returningSinceMs: number | null;
}

export const returning = {
  /** A device that is online and still not back after this long is told to install what it ran before anew. */
  reinstallAfterMs: 60_000,
  /** After this long the rollout ends; devices that are not back by then return by their desired state alone. */
  giveUpAfterMs: 15 * 60_000,
} as const;

export type RolloutStep =
  | { readonly kind: 'start-wave'; readonly wave: number }
  /** `closing`: the wave's deadline has passed, what is still open counts as failed. */
  | { readonly kind: 'judge-wave'; readonly wave: number; readonly closing: boolean }
  /** A device that was away when its wave was judged. */
  | { readonly kind: 'judge-late'; readonly deviceIds: readonly string[] }
  | { readonly kind: 'succeed' }
  /** The desired state names again what ran before. */
  | { readonly kind: 'withdraw'; readonly deviceIds: readonly string[] }
  | { readonly kind: 'reinstall'; readonly deviceIds: readonly string[] }
  | { readonly kind: 'finish-return' }
  | { readonly kind: 'wait'; readonly untilMs: number | null };

export function nextStep(facts: RolloutFacts): RolloutStep {
  switch (facts.state) {
    case 'RUNNING':
      return nextOfRunning(facts);
    case 'ROLLING_BACK':
      return nextOfReturning(facts);
    case 'SUCCEEDED':
      return judgeLate(facts) ?? { kind: 'wait', untilMs: null };
    case 'PAUSED':
    case 'STOPPED':
    case 'ABORTED':
      return { kind: 'wait', untilMs: null };
  }
}

function nextOfRunning(facts: RolloutFacts): RolloutStep {
  const late = judgeLate(facts);
  if (late) return late;
  const wave = facts.waves.find(({ state }) => state !== 'PASSED');
  if (!wave) return { kind: 'succeed' };
  if (wave.state === 'PENDING') return { kind: 'start-wave', wave: wave.index };
  if (wave.state !== 'RUNNING') return { kind: 'wait', untilMs: null };
  const closing = wave.deadlineMs !== null && facts.nowMs >= wave.deadlineMs;
  const members = membersOf(facts, wave.index);
  if (closing || isJudgeable(members) || members.filter(hasFailed).length > facts.failuresAllowed)
    return { kind: 'judge-wave', wave: wave.index, closing };
  return { kind: 'wait', untilMs: wave.deadlineMs };
}

/** Devices whose wave has passed without them, and that have ended since. */
function judgeLate({ targets, waves }: RolloutFacts): RolloutStep | null {
  const passed = new Set(waves.filter(({ state }) => state === 'PASSED').map(({ index }) => index));
  const late = targets.filter(
    (target) => passed.has(target.wave) && !target.judged && !target.revoked && hasEnded(target),
  );
  return late.length > 0 ? { kind: 'judge-late', deviceIds: late.map(({ deviceId }) => deviceId) } : null;
}

/**
 * A wave can be judged when somebody has ended and nobody who was reached is still at it. A device that is away and was
 * never reached neither passes nor holds it up; one that fell silent in the midst of it does: a version that takes the
 * network down must not pass for that.
 */
function isJudgeable(members: readonly TargetFact[]): boolean {
  if (members.length === 0) return true;
  const waitedFor = members.filter(({ online, installation }) => online || installation?.contacted);
  return waitedFor.length > 0 && waitedFor.every(hasEnded);
}

function nextOfReturning(facts: RolloutFacts): RolloutStep {
  const named = facts.targets.filter(({ isNamed, revoked }) => isNamed && !revoked);
  if (named.length > 0) return { kind: 'withdraw', deviceIds: named.map(({ deviceId }) => deviceId) };
  const since = facts.returningSinceMs ?? facts.nowMs;
  const missing = facts.targets.filter(
    ({ installation, isBack, online, revoked }) => installation && !isBack && online && !revoked,
  );
  if (missing.length === 0 || facts.nowMs >= since + returning.giveUpAfterMs) return { kind: 'finish-return' };
  const reinstallAt = since + returning.reinstallAfterMs;
  if (facts.nowMs < reinstallAt) return { kind: 'wait', untilMs: reinstallAt };
  const stuck = missing.filter(({ canReinstall }) => canReinstall).map(({ deviceId }) => deviceId);
  return stuck.length > 0
    ? { kind: 'reinstall', deviceIds: stuck }
    : { kind: 'wait', untilMs: since + returning.giveUpAfterMs };
}

export const membersOf = ({ targets }: Pick<RolloutFacts, 'targets'>, wave: number): TargetFact[] =>
  targets.filter((target) => target.wave === wave && !target.revoked);

export const hasEnded = ({ installation }: TargetFact): boolean =>
  installation !== null && isFinal(installationTable, installation.state);

const FAILURES: readonly InstallationState[] = ['FAILED', 'REJECTED', 'TIMED_OUT', 'ROLLED_BACK'];

export const hasFailed = ({ installation }: TargetFact): boolean =>
  installation !== null && FAILURES.includes(installation.state);

/** What an installation's state means as evidence; null for one that was called off, which says nothing of the version. */
export function outcomeOf(state: InstallationState): 'committed' | 'failed' | 'open' | null {
  if (state === 'COMMITTED') return 'committed';
  if (FAILURES.includes(state)) return 'failed';
  return isFinal(installationTable, state) ? null : 'open';
}

export type WaveOutcome = 'pass' | 'fail' | 'insufficient';

/** A wave passes when all of its gates do. One that fails decides at once; at the deadline so does missing evidence. */
export function waveOutcome(verdicts: readonly GateVerdict[], closing: boolean): WaveOutcome {
  if (verdicts.some(({ verdict }) => verdict === 'fail')) return 'fail';
  if (verdicts.every(({ verdict }) => verdict === 'pass')) return 'pass';
  return closing ? 'fail' : 'insufficient';
}
