// Which devices begin now, and when to look again. A device begins when its desired state names the version, so only
// devices within reach do: what was named to one that is away begins whenever it comes back, all of them at once, in the
// midst of a pause, or after a gate has failed.
import type { Pace } from '../../../shared/http-api.ts';
import { hasEnded, type RolloutFacts, retryAtMs, type TargetFact, type WaveFact } from './facts.ts';

const MINUTE_MS = 60_000;

export interface Starts {
  readonly deviceIds: readonly string[];
  /** When more may begin by time alone; null when nothing waits for time. */
  readonly untilMs: number | null;
}

export function starts(facts: RolloutFacts): Starts {
  if (facts.lateHold !== null) return { deviceIds: [], untilMs: null };
  const begun = new Set(facts.waves.filter(hasBegun).map(({ index }) => index));
  const waiting = facts.targets.filter((target) => wantsStart(target, facts) && begun.has(target.wave));
  if (waiting.length === 0) return { deviceIds: [], untilMs: null };
  const ready: TargetFact[] = [];
  let laterAtMs = Infinity;
  for (const target of waiting) {
    const atMs = laterMs(target, facts);
    if (atMs !== null) laterAtMs = Math.min(laterAtMs, atMs);
    else if (target.online && target.window.kind !== 'unreadable') ready.push(target);
  }
  const growth = growthOf(facts);
  const deviceIds = ready.slice(0, Math.max(0, roomOf(facts, growth))).map(({ deviceId }) => deviceId);
  const turnAtMs = deviceIds.length < ready.length ? nextStartMs(facts, growth) : null;
  const untilMs = Math.min(laterAtMs, turnAtMs ?? Infinity);
  return { deviceIds, untilMs: untilMs === Infinity ? null : untilMs };
}

const hasBegun = ({ state }: WaveFact): boolean => state === 'RUNNING' || state === 'PASSED';

const isPaced = ({ maxInFlight, startsPerMinute }: Pace): boolean =>
  maxInFlight !== undefined || startsPerMinute !== undefined;

/** Not begun yet, or failed and allowed another attempt. */
const wantsStart = (target: TargetFact, facts: RolloutFacts): boolean =>
  !target.left && (target.installation === null || retryAtMs(target, facts) !== null);

/** When a device that must wait for time may begin; null when it need not. */
function laterMs(target: TargetFact, facts: RolloutFacts): number | null {
  const retryAt = retryAtMs(target, facts);
  if (retryAt !== null && retryAt > facts.nowMs) return retryAt;
  return target.window.kind === 'closed' && target.online ? target.window.opensAtMs : null;
}

/** How many devices may begin now. */
function roomOf({ targets, startsMs, pace, nowMs }: RolloutFacts, growth: number): number {
  if (!isPaced(pace)) return Infinity;
  const rate = rateOf(pace, growth);
  const recentMs = nowMs - spanMs(rate);
  const recent = startsMs.filter((atMs) => atMs > recentMs).length;
  let inFlight = 0;
  for (const target of targets) if (target.installation !== null && !target.left && !hasEnded(target)) inFlight++;
  const places = Math.floor((pace.maxInFlight ?? Infinity) * growth) - inFlight;
  return Math.min(places, Math.floor(Math.max(1, rate)) - recent);
}

function growthOf({ targets, pace: { growth } }: RolloutFacts): number {
  if (!growth) return 1;
  const successes = targets.filter(({ installation }) => installation?.state === 'COMMITTED').length;
  return growth.factor ** Math.floor(successes / growth.after);
}

const rateOf = ({ startsPerMinute = Infinity }: Pace, growth: number): number => startsPerMinute * growth;
/** Less than one a minute is one in as many minutes. */
const spanMs = (rate: number): number => MINUTE_MS / Math.min(1, rate);

/** How far back starts count, milliseconds: no further while the pace grows. */
export const startsSpanMs = (pace: Pace): number => (pace.startsPerMinute === undefined ? 0 : spanMs(rateOf(pace, 1)));

/** When the oldest start falls out of the span that is counted; null where only places are missing. */
function nextStartMs({ startsMs, pace, nowMs }: RolloutFacts, growth: number): number | null {
  if (pace.startsPerMinute === undefined) return null;
  const span = spanMs(rateOf(pace, growth));
  const oldestMs = Math.min(...startsMs.filter((atMs) => atMs > nowMs - span));
  return oldestMs === Infinity ? nowMs + span : oldestMs + span;
}
