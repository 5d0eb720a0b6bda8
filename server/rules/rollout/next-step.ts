// One decision: what an open rollout does next. Facts in, step out; whoever asks carries it out and asks again.
import {
  hasEnded,
  hasFailedForGood,
  isThrough,
  isWaitedFor,
  membersOf,
  type RolloutFacts,
  type TargetFact,
} from './facts.ts';
import { starts } from './pace.ts';

export const returning = {
  /** A device that is online and still not back after this long is told to install what it ran before anew. */
  reinstallAfterMs: 60_000,
  /** After this long the rollout ends; devices that are not back by then return by their desired state alone. */
  giveUpAfterMs: 15 * 60_000,
} as const;

export type RolloutStep =
  /** Its orders cannot be read: an operator has to decide. */
  | { readonly kind: 'halt'; readonly because: string }
  | { readonly kind: 'start-wave'; readonly wave: number }
  | { readonly kind: 'start-devices'; readonly deviceIds: readonly string[] }
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
      return facts.unreadable === null ? nextOfRunning(facts) : { kind: 'halt', because: facts.unreadable };
    case 'ROLLING_BACK':
      return nextOfReturning(facts);
    case 'SUCCEEDED':
      return facts.unreadable === null ? nextOfLate(facts) : { kind: 'wait', untilMs: null };
    case 'PAUSED':
    case 'STOPPED':
    case 'ABORTED':
    case 'SUPERSEDED':
      return { kind: 'wait', untilMs: null };
  }
}

function nextOfRunning(facts: RolloutFacts): RolloutStep {
  const late = judgeLate(facts);
  if (late) return late;
  const wave = facts.waves.find(({ state }) => state !== 'PASSED');
  if (wave?.state === 'PENDING') return { kind: 'start-wave', wave: wave.index };
  const judged = wave?.state === 'RUNNING' ? judgeWave(facts, wave) : null;
  if (judged) return judged;
  const { deviceIds, untilMs } = starts(facts);
  if (deviceIds.length > 0) return { kind: 'start-devices', deviceIds };
  if (wave) return { kind: 'wait', untilMs: earliest(untilMs, wave.state === 'RUNNING' ? wave.deadlineMs : null) };
  if (facts.dynamicUntilMs !== null && facts.nowMs < facts.dynamicUntilMs)
    return { kind: 'wait', untilMs: earliest(untilMs, facts.dynamicUntilMs) };
  // Devices within reach whose hour or turn has not come yet: what a wave's deadline passed over.
  const isToBegin = (target: TargetFact) =>
    facts.lateHold === null && target.online && !target.left && target.installation === null;
  return facts.targets.some((target) => isToBegin(target) && target.window.kind !== 'unreadable')
    ? { kind: 'wait', untilMs }
    : { kind: 'succeed' };
}

function nextOfLate(facts: RolloutFacts): RolloutStep {
  const late = judgeLate(facts);
  if (late) return late;
  const { deviceIds, untilMs } = starts(facts);
  return deviceIds.length > 0 ? { kind: 'start-devices', deviceIds } : { kind: 'wait', untilMs };
}

function judgeWave(
  facts: RolloutFacts,
  { index, deadlineMs, hasNews }: RolloutFacts['waves'][number],
): RolloutStep | null {
  if (deadlineMs !== null && facts.nowMs >= deadlineMs) return { kind: 'judge-wave', wave: index, closing: true };
  if (!hasNews) return null;
  const members = membersOf(facts, index);
  const { count, share } = facts.failuresAllowed;
  const failed = members.filter((target) => hasFailedForGood(target, facts)).length;
  const isHopeless = failed > Math.min(count, Math.floor(share * members.length + 1e-9));
  return isHopeless || isJudgeable(members, facts) ? { kind: 'judge-wave', wave: index, closing: false } : null;
}

const earliest = (...times: (number | null)[]): number | null => {
  const due = times.filter((time) => time !== null);
  return due.length > 0 ? Math.min(...due) : null;
};

/** Devices whose wave has passed without them, and that have ended since. */
function judgeLate(facts: RolloutFacts): RolloutStep | null {
  const passed = new Set(facts.waves.filter(({ state }) => state === 'PASSED').map(({ index }) => index));
  if (passed.size === 0) return null;
  const isLate = (target: TargetFact) =>
    !target.judged && target.hasNews && passed.has(target.wave) && !target.left && isThrough(target, facts);
  const late = facts.targets.filter(isLate);
  return late.length > 0 ? { kind: 'judge-late', deviceIds: late.map(({ deviceId }) => deviceId) } : null;
}

/** A wave can be judged when somebody has ended and nobody who is waited for is still at it. */
function isJudgeable(members: readonly TargetFact[], facts: RolloutFacts): boolean {
  if (members.length === 0) return true;
  const waitedFor = members.filter((target) => isWaitedFor(target, facts));
  return waitedFor.some(hasEnded) && waitedFor.every((target) => isThrough(target, facts));
}

function nextOfReturning(facts: RolloutFacts): RolloutStep {
  const named = facts.targets.filter(({ isNamed, left }) => isNamed && !left);
  if (named.length > 0) return { kind: 'withdraw', deviceIds: named.map(({ deviceId }) => deviceId) };
  const since = facts.returningSinceMs ?? facts.nowMs;
  const missing = facts.targets.filter(
    ({ installation, isBack, online, left }) => installation && !isBack && online && !left,
  );
  if (missing.length === 0 || facts.nowMs >= since + returning.giveUpAfterMs) return { kind: 'finish-return' };
  const reinstallAt = since + returning.reinstallAfterMs;
  if (facts.nowMs < reinstallAt) return { kind: 'wait', untilMs: reinstallAt };
  const stuck = missing.filter(({ canReinstall }) => canReinstall).map(({ deviceId }) => deviceId);
  return stuck.length > 0
    ? { kind: 'reinstall', deviceIds: stuck }
    : { kind: 'wait', untilMs: since + returning.giveUpAfterMs };
}
