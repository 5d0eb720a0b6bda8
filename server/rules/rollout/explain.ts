// Why a rollout stands where it stands, in words.
import type { GateVerdict } from '../../../shared/gates.ts';
import { plural } from '../../../shared/plural.ts';
import {
  hasEnded,
  hasFailedForGood,
  isWaitedFor,
  membersOf,
  type RolloutFacts,
  retryAtMs,
  type TargetFact,
} from './facts.ts';
import { starts } from './pace.ts';

/** What to say of one that goes on. */
export function explainProgress(facts: RolloutFacts): string {
  const wave = facts.waves.find(({ state }) => state !== 'PASSED');
  if (!wave) return explainSuccess(facts);
  const members = membersOf(facts, wave.index);
  const done = members.filter(({ installation }) => installation?.state === 'COMMITTED').length;
  const isFailed = (target: TargetFact) => hasFailedForGood(target, facts);
  const isRetrying = (target: TargetFact) => retryAtMs(target, facts) !== null;
  const parts = [
    `wave ${wave.index + 1} of ${facts.waves.length}: ${done} of ${devices(members.length)} committed`,
    clause(members.filter(isFailed), 'failed'),
    clause(members.filter(isRetrying), 'will try again'),
    clause(members.filter(silent), 'reached and now silent'),
    clause(members.filter(unreached), 'not within reach, not waited for'),
    ...waiting(members, facts),
  ];
  if (members.length > 0 && !members.some((target) => isWaitedFor(target, facts)))
    parts.push('waiting for the first of them');
  if (wave.state === 'AWAITING_APPROVAL') parts.push('its gates passed, waiting for approval');
  return parts.filter(Boolean).join('; ');
}

/** Those within reach that have not begun: each says why. */
function waiting(members: readonly TargetFact[], facts: RolloutFacts): string[] {
  const notBegun = members.filter(({ installation, online }) => installation === null && online);
  const closed = notBegun.filter(({ window }) => window.kind === 'closed');
  const opensAtMs = Math.min(...closed.map(({ window }) => (window.kind === 'closed' ? window.opensAtMs : Infinity)));
  const opens = closed.length > 0 ? `waiting for the maintenance window, first open ${minute(opensAtMs)}` : '';
  const turn = notBegun.filter(({ window }) => window.kind === 'always' || window.kind === 'open');
  const begins = starts(facts).deviceIds.length > 0 ? [] : turn;
  const unreadable = notBegun.flatMap(({ device, window }) =>
    window.kind === 'unreadable' ? [`${device} never begins: ${window.message.replaceAll(';', ',')}`] : [],
  );
  return [clause(closed, opens), clause(begins, 'waiting for a free place'), ...unreadable.slice(0, NAMES_SHOWN)];
}

const minute = (atMs: number) => `${new Date(atMs).toISOString().slice(0, 16)}Z`;

export function explainSuccess({ waves, targets, dynamicUntilMs, lateHold, nowMs }: RolloutFacts): string {
  // What it has done on a device stays done, though the device is another rollout's now.
  const own = targets.filter(({ left, installation }) => !left || installation?.state === 'COMMITTED');
  const committed = own.filter(({ installation }) => installation?.state === 'COMMITTED');
  const returned = committed.filter(({ left, isNamed }) => !left && !isNamed);
  const done = committed.length - returned.length;
  const begins = ({ installation }: TargetFact) => lateHold === null || installation !== null;
  const open = own.filter((target) => !hasEnded(target));
  const toCome = open.filter(begins);
  const here = toCome.filter(({ online }) => online);
  const away = toCome.filter(({ online }) => !online);
  const failed = own
    .filter(({ installation }) => installation !== null)
    .filter((target) => hasFailedForGood(target, { retries: 0 }));
  const parts = [
    `all ${waves.length === 1 ? 'of one wave' : `${waves.length} waves`} passed: ${done} of ${devices(own.length)} committed`,
    clause(failed, 'failed'),
    clause(returned, 'committed and sent back'),
    clause(here, 'still to come'),
    clause(away, 'will get it when within reach'),
    ...(lateHold === null
      ? []
      : explainHold(
          lateHold,
          open.filter((target) => !begins(target)),
        )),
    lateHold === null && dynamicUntilMs !== null && nowMs < dynamicUntilMs
      ? `devices that come to match are taken in until ${minute(dynamicUntilMs)}`
      : '',
  ];
  return parts.filter(Boolean).join('; ');
}

function explainHold(
  { sinceMs, because }: NonNullable<RolloutFacts['lateHold']>,
  left: readonly TargetFact[],
): string[] {
  const who = left.length > 0 ? `${named(left)} left as ${left.length === 1 ? 'it is' : 'they are'}` : '';
  return [`no further device begins since ${minute(sinceMs)}: ${because}`, who, '"resume" takes devices again'];
}

/** "pi-9 came late: 2 of 3 devices failed (pi-7, pi-9), breaks failures<=1". */
export const explainLate = (device: string, verdicts: readonly GateVerdict[]): string =>
  `${device} came late: ${decisive(verdicts)}`;

/** "stopped at wave 2: quality 3.10 … is below 4": the beginning of what is said of one that ended. */
export function explainStop(wave: number, verdicts: readonly GateVerdict[]): string {
  return `stopped at wave ${wave + 1}: ${decisive(verdicts)}`;
}

function decisive(verdicts: readonly GateVerdict[]): string {
  const failed = verdicts.filter(({ verdict }) => verdict === 'fail');
  const shown = failed.length > 0 ? failed : verdicts.filter(({ verdict }) => verdict === 'insufficient');
  return shown.map(({ explanation }) => explanation).join('; ');
}

export interface Returned {
  /** The one that was rolled out. */
  readonly version: string;
  /** Device id → the version that it ran before; null for none. */
  readonly before: ReadonlyMap<string, string | null>;
  /** Ids of the devices on which it was ever switched on. */
  readonly activated: ReadonlySet<string>;
}

/** What became of the devices, after `because`. */
export function explainReturn(because: string, facts: RolloutFacts, { version, before, activated }: Returned): string {
  const own = facts.targets.filter(({ left }) => !left);
  // A device refuses before it changes anything.
  const refused = own.filter(({ installation }) => installation?.state === 'REJECTED');
  const touched = own.filter((target) => target.installation !== null && !refused.includes(target));
  const unchanged = own.length - touched.length - refused.length;
  const back = touched.filter(({ isBack }) => isBack);
  const byVersion = (targets: readonly TargetFact[]) => [
    ...Map.groupBy(targets, ({ deviceId }) => before.get(deviceId) ?? 'nothing'),
  ];
  const returned = back.filter(({ deviceId }) => activated.has(deviceId));
  // A download that failed, say: there was nothing to return from.
  const kept = back.filter((target) => !returned.includes(target));
  const parts = [
    because,
    ...byVersion(returned).map(([old, those]) => `${devices(those.length)} returned to ${old}`),
    ...byVersion(kept).map(([old, those]) => clause(those, `kept ${old}, never activated ${version}`)),
    clause(
      touched.filter(({ isBack }) => !isBack),
      'will return when within reach',
    ),
    clause(refused, 'refused it'),
    unchanged > 0 ? `${unchanged} never changed` : '',
  ];
  return parts.filter(Boolean).join('; ');
}

const silent = (target: TargetFact) => !target.online && !!target.installation?.contacted && !hasEnded(target);
const unreached = (target: TargetFact) => !target.online && !target.installation?.contacted && !hasEnded(target);
const devices = (count: number) => plural(count, 'device');
const clause = (targets: readonly TargetFact[], what: string) =>
  targets.length > 0 && what !== '' ? `${named(targets)} ${what}` : '';

const NAMES_SHOWN = 5;

function named(targets: readonly TargetFact[]): string {
  const names = targets.slice(0, NAMES_SHOWN).map(({ device }) => device);
  const more = targets.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
