// Which devices begin now, and when to look again. A device takes a place from the moment at which its desired state
// names the version, whether it is within reach or not: those that are away would all come back at once, so with a pace
// (or a maintenance window) only devices within reach begin.
import type { Pace } from '../../../shared/http-api.ts';
import { hasEnded, type RolloutFacts, retryAtMs, type TargetFact, type WaveFact } from './facts.ts';

const MINUTE_MS = 60_000;

export interface Starts {
  readonly deviceIds: readonly string[];
  /** When more may begin by time alone; null when nothing waits for time. */
  readonly untilMs: number | null;
}

export function starts(facts: RolloutFacts): Starts {
  const begun = new Set(facts.waves.filter(hasBegun).map(({ index }) => index));
  const waiting = facts.targets.filter((target) => begun.has(target.wave) && wantsStart(target, facts));
  if (waiting.length === 0) return { deviceIds: [], untilMs: null };
  const ready = waiting.filter((target) => isReady(target, facts));
  const deviceIds = ready.slice(0, Math.max(0, roomOf(facts))).map(({ deviceId }) => deviceId);
  let untilMs = deviceIds.length < ready.length ? nextStartMs(facts) : null;
  for (const target of waiting) {
    const laterAtMs = laterMs(target, facts);
    if (laterAtMs !== null) untilMs = Math.min(untilMs ?? Infinity, laterAtMs);
  }
  return { deviceIds, untilMs };
}

const hasBegun = ({ state }: WaveFact): boolean => state === 'RUNNING' || state === 'PASSED';

export const isPaced = ({ maxInFlight, startsPerMinute }: Pace): boolean =>
  maxInFlight !== undefined || startsPerMinute !== undefined;

/** Not begun yet, or failed and allowed another attempt. */
const wantsStart = (target: TargetFact, facts: RolloutFacts): boolean =>
  !target.left && (target.installation === null || retryAtMs(target, facts) !== null);

function isReady(target: TargetFact, facts: RolloutFacts): boolean {
  if (target.window.kind === 'unreadable' || laterMs(target, facts) !== null) return false;
  return target.online || (!isPaced(facts.pace) && target.window.kind === 'always');
}

/** When a device that must wait for time may begin; null when it need not. */
function laterMs(target: TargetFact, facts: RolloutFacts): number | null {
  const retryAt = retryAtMs(target, facts);
  if (retryAt !== null && retryAt > facts.nowMs) return retryAt;
  return target.window.kind === 'closed' && target.online ? target.window.opensAtMs : null;
}

/** How many devices may begin now. */
function roomOf(facts: RolloutFacts): number {
  const { targets, pace } = facts;
  if (!isPaced(pace)) return Infinity;
  const inFlight = targets.filter((target) => target.installation !== null && !hasEnded(target) && !target.left).length;
  const places = Math.floor((pace.maxInFlight ?? Infinity) * growthOf(facts)) - inFlight;
  const rate = rateOf(facts);
  const recent = targets.filter(({ startedAtMs }) => startedAtMs !== null && startedAtMs > facts.nowMs - spanMs(rate));
  return Math.min(places, Math.floor(Math.max(1, rate)) - recent.length);
}

function growthOf({ targets, pace: { growth } }: RolloutFacts): number {
  if (!growth) return 1;
  const successes = targets.filter(({ installation }) => installation?.state === 'COMMITTED').length;
  return growth.factor ** Math.floor(successes / growth.after);
}

const rateOf = (facts: RolloutFacts): number => (facts.pace.startsPerMinute ?? Infinity) * growthOf(facts);
/** Less than one a minute is one in as many minutes. */
const spanMs = (rate: number): number => MINUTE_MS / Math.min(1, rate);

/** When the oldest start falls out of the span that is counted; null where only places are missing. */
function nextStartMs(facts: RolloutFacts): number | null {
  const span = spanMs(rateOf(facts));
  let oldestMs = Infinity;
  for (const { startedAtMs } of facts.targets)
    if (startedAtMs !== null && startedAtMs > facts.nowMs - span) oldestMs = Math.min(oldestMs, startedAtMs);
  if (facts.pace.startsPerMinute === undefined) return null;
  return oldestMs === Infinity ? facts.nowMs + span : oldestMs + span;
}
