// What is known of a rollout when it is decided on, and the few words in which the decisions are made.
import type { Pace, RolloutState, WaveState } from '../../../shared/http-api.ts';
import {
  type InstallationReason,
  type InstallationState,
  installationTable,
  isFailure,
} from '../../../shared/installation.ts';
import { isFinal } from '../../../shared/machine.ts';
import type { WindowState } from './maintenance-window.ts';

export interface TargetFact {
  readonly deviceId: string;
  readonly device: string;
  readonly wave: number;
  readonly online: boolean;
  /** No longer this rollout's: revoked, or taken over by another one. */
  readonly left: boolean;
  readonly judged: boolean;
  /** Of a device that came late: there is something that it was not judged from yet. */
  readonly hasNews: boolean;
  /** Null until it was begun. */
  readonly installation: {
    readonly state: InstallationState;
    readonly sinceMs: number;
    readonly reasonCode: InstallationReason['code'] | null;
    /** The device has told that it knows of it. */
    readonly contacted: boolean;
  } | null;
  readonly attempts: number;
  /** Its maintenance window. */
  readonly window: WindowState;
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
  /** There is evidence that its verdicts were not made from. Without it a judged wave would wake its own judge. */
  readonly hasNews: boolean;
}

export interface RolloutFacts {
  readonly nowMs: number;
  readonly state: RolloutState;
  /** What of its orders cannot be read; then nothing may go on. */
  readonly unreadable: string | null;
  readonly waves: readonly WaveFact[];
  readonly targets: readonly TargetFact[];
  /** Most failures that no gate forbids: a number, and a share of the devices of a wave (0–1). */
  readonly failuresAllowed: { readonly count: number; readonly share: number };
  readonly pace: Pace;
  /** When devices began, retries included, as far back as the pace looks; UTC milliseconds. */
  readonly startsMs: readonly number[];
  readonly retries: number;
  readonly dynamicUntilMs: number | null;
  /** Why no late device begins any more; null while they do. */
  readonly lateHold: { readonly sinceMs: number; readonly because: string } | null;
  readonly returningSinceMs: number | null;
}

export const membersOf = ({ targets }: Pick<RolloutFacts, 'targets'>, wave: number): TargetFact[] =>
  targets.filter((target) => target.wave === wave && !target.left);

/** All that come now come late. */
export const haveAllPassed = ({ waves }: Pick<RolloutFacts, 'waves'>): boolean =>
  waves.every(({ state }) => state === 'PASSED');

export const hasEnded = ({ installation }: TargetFact): boolean =>
  installation !== null && isFinal(installationTable, installation.state);

export const hasFailed = ({ installation }: TargetFact): boolean =>
  installation !== null && isFailure(installation.state);

/** Reasons that another attempt may find gone. A full disk or a wrong picture is not among them. */
const PASSING: readonly (InstallationReason['code'] | null)[] = [
  'download_failed',
  'load_failed',
  'bench_failed',
  'deadline_passed',
  'crashed',
  null,
];
const RETRY_BASE_MS = 30_000;
const RETRY_MAX_MS = 3600_000;

/** When a device that failed tries again, UTC milliseconds; null when it does not. */
export function retryAtMs(target: TargetFact, { retries }: Pick<RolloutFacts, 'retries'>): number | null {
  const { installation, attempts } = target;
  if (!installation || !hasFailed(target) || attempts > retries || !PASSING.includes(installation.reasonCode))
    return null;
  return installation.sinceMs + Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (attempts - 1));
}

/** Failed, and it stays so. */
export const hasFailedForGood = (target: TargetFact, facts: Pick<RolloutFacts, 'retries'>): boolean =>
  hasFailed(target) && retryAtMs(target, facts) === null;

/** Ended, and nothing more will be tried. */
export const isThrough = (target: TargetFact, facts: Pick<RolloutFacts, 'retries'>): boolean =>
  hasEnded(target) && retryAtMs(target, facts) === null;

/**
 * The wave waits for it. A device that is away and was never reached neither passes nor holds a wave up; one that fell
 * silent in the midst of it does: a version that takes the network down must not pass for that.
 */
export const isWaitedFor = (target: TargetFact, facts: Pick<RolloutFacts, 'retries'>): boolean =>
  target.online || isThrough(target, facts) || (target.installation?.contacted === true && !hasEnded(target));

/** All that the wave waits for have ended, some failed for good, and none is left that could measure anything. */
export const isWithoutWitness = (members: readonly TargetFact[], facts: Pick<RolloutFacts, 'retries'>): boolean =>
  members.some((target) => hasFailedForGood(target, facts)) &&
  members.every((target) => isThrough(target, facts) || !isWaitedFor(target, facts)) &&
  !members.some(({ installation }) => installation?.state === 'COMMITTED');

/** What an installation's state means as evidence; null for one that was called off, which says nothing of the version. */
export function outcomeOf(state: InstallationState): 'committed' | 'failed' | 'open' | null {
  if (state === 'COMMITTED') return 'committed';
  if (isFailure(state)) return 'failed';
  return isFinal(installationTable, state) ? null : 'open';
}
