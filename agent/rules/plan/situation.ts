// What the plan looks at: what is wanted, what stands on the disk, and what is under way.
import type { DesiredState } from '../../../shared/desired-state.ts';
import type { InstallationState } from '../../../shared/installation.ts';

export interface InstallationView {
  readonly installationId: string;
  readonly state: InstallationState;
  readonly sinceMs: number;
  /** The golden pictures came out right; what is left of PROBING is the bench. */
  readonly proven: boolean;
  /** How often the work of the present state was begun. */
  readonly attempts: number;
}

export interface PlaceView {
  readonly installationId: string;
  readonly model: string;
  readonly role: 'current' | 'shadow';
  readonly versionDigest: string;
  readonly variant: string;
}

export interface JobView {
  readonly jobId: string;
  readonly kind: 'picture' | 'bench';
  readonly receivedMs: number;
  /** By this device's own clock. */
  readonly deadlineMs: number;
  readonly cancelRequested: boolean;
  readonly attempts: number;
}

export type InstallationPhase = 'admit' | 'download' | 'stage' | 'activate' | 'prove' | 'measure';

export interface Reached {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** Something that runs beside the loop. */
export interface WorkView {
  readonly kind: 'installation' | 'promotion' | 'bench' | 'picture' | 'shadow';
  /** Of the installation or of the job. */
  readonly id: string;
  readonly phase: InstallationPhase | 'load' | 'generate' | 'upload' | 'shadow';
  /** Latencies are being measured: nothing else should run now. */
  readonly timed: boolean;
  /** There is no memory for another engine beside it. */
  readonly exclusive: boolean;
  /** It was told to stop and has not stopped yet. */
  readonly stopping: boolean;
  /** How far it said that it was; null before it did. */
  readonly reached: Reached | null;
}

export interface Situation {
  readonly nowMs: number;
  readonly desired: DesiredState | null;
  readonly installations: readonly InstallationView[];
  readonly running: readonly PlaceView[];
  /** What ran before, one a model and role, still on disk. */
  readonly before: readonly PlaceView[];
  /** Jobs that have not ended, in the order in which they should begin. */
  readonly jobs: readonly JobView[];
  readonly work: readonly WorkView[];
  /** Requests that shadows have not answered yet, oldest first. */
  readonly shadows: readonly { readonly id: string }[];
  readonly pruneDue: boolean;
}
