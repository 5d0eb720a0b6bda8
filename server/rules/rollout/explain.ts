// Why a rollout stands where it stands, in words.
import type { GateVerdict } from '../../../shared/gates.ts';
import { hasEnded, hasFailed, membersOf, type RolloutFacts, type TargetFact } from './facts.ts';

/** What to say of one that goes on. */
export function explainProgress(facts: RolloutFacts): string {
  const wave = facts.waves.find(({ state }) => state !== 'PASSED');
  if (!wave) return explainSuccess(facts);
  const members = membersOf(facts, wave.index);
  const done = members.filter(({ installation }) => installation?.state === 'COMMITTED').length;
  const parts = [
    `wave ${wave.index + 1} of ${facts.waves.length}: ${done} of ${devices(members.length)} committed`,
    clause(members.filter(hasFailed), 'failed'),
    clause(members.filter(silent), 'reached and now silent'),
    clause(members.filter(unreached), 'not within reach, not waited for'),
  ];
  if (members.length > 0 && members.every(unreached)) parts.push('waiting for the first of them');
  if (wave.state === 'AWAITING_APPROVAL') parts.push('its gates passed, waiting for approval');
  return parts.filter(Boolean).join('; ');
}

export function explainSuccess({ waves, targets }: RolloutFacts): string {
  const done = targets.filter(({ installation }) => installation?.state === 'COMMITTED').length;
  const away = targets.filter((target) => !target.revoked && !hasEnded(target));
  const parts = [
    `all ${waves.length === 1 ? 'of one wave' : `${waves.length} waves`} passed: ${done} of ${devices(targets.length)} committed`,
    clause(targets.filter(hasFailed), 'failed'),
    away.length > 0 ? `${named(away)} will get it when within reach` : '',
  ];
  return parts.filter(Boolean).join('; ');
}

/** "stopped at wave 2: quality 3.10 … violates quality>=4": the beginning of what is said of one that ended. */
export function explainStop(wave: number, verdicts: readonly GateVerdict[]): string {
  const failed = verdicts.filter(({ verdict }) => verdict === 'fail');
  const decisive = failed.length > 0 ? failed : verdicts.filter(({ verdict }) => verdict === 'insufficient');
  return `stopped at wave ${wave + 1}: ${decisive.map(({ explanation }) => explanation).join('; ')}`;
}

/** What became of the devices, after `because`. */
export function explainReturn(
  because: string,
  facts: RolloutFacts,
  before: ReadonlyMap<string, string | null>,
): string {
  const touched = facts.targets.filter(({ installation }) => installation !== null);
  const back = touched.filter(({ isBack }) => isBack);
  const notBack = touched.filter(({ isBack, revoked }) => !isBack && !revoked);
  const versions = new Set(back.map(({ deviceId }) => before.get(deviceId) ?? 'nothing'));
  const parts = [
    because,
    back.length > 0
      ? `${devices(back.length)} ${back.length === 1 ? 'is' : 'are'} back at ${[...versions].join(', ')}`
      : '',
    notBack.length > 0 ? `${named(notBack)} will return when within reach` : '',
    facts.targets.length > touched.length ? `${facts.targets.length - touched.length} never changed` : '',
  ];
  return parts.filter(Boolean).join('; ');
}

const silent = (target: TargetFact) => !target.online && !!target.installation?.contacted && !hasEnded(target);
const unreached = (target: TargetFact) => !target.online && !target.installation?.contacted && !hasEnded(target);
const devices = (count: number) => `${count} ${count === 1 ? 'device' : 'devices'}`;
const clause = (targets: readonly TargetFact[], what: string) =>
  targets.length > 0 ? `${named(targets)} ${what}` : '';

const NAMES_SHOWN = 5;

function named(targets: readonly TargetFact[]): string {
  const names = targets.slice(0, NAMES_SHOWN).map(({ device }) => device);
  const more = targets.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
