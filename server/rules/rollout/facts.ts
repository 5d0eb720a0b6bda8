// What is known of a rollout when it is decided on, and the few words in which the decisions are made.
import type { RolloutState, WaveState } from '../../../shared/http-api.ts';
import { type InstallationState, installationTable, isFailure } from '../../../shared/installation.ts';
import { isFinal } from '../../../shared/machine.ts';

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

export const membersOf = ({ targets }: Pick<RolloutFacts, 'targets'>, wave: number): TargetFact[] =>
  targets.filter((target) => target.wave === wave && !target.revoked);

export const hasEnded = ({ installation }: TargetFact): boolean =>
  installation !== null && isFinal(installationTable, installation.state);

export const hasFailed = ({ installation }: TargetFact): boolean =>
  installation !== null && isFailure(installation.state);

/** What an installation's state means as evidence; null for one that was called off, which says nothing of the version. */
export function outcomeOf(state: InstallationState): 'committed' | 'failed' | 'open' | null {
  if (state === 'COMMITTED') return 'committed';
  if (isFailure(state)) return 'failed';
  return isFinal(installationTable, state) ? null : 'open';
}
