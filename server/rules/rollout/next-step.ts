// One decision: what an open rollout does next. Facts in, step out; whoever asks carries it out and asks again.
import { hasEnded, hasFailed, membersOf, type RolloutFacts, type TargetFact } from './facts.ts';

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
