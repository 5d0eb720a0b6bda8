// The one decision of the agent: what to do next, from what is wanted, what stands on disk and what is under way.
// Pure: the loop reads, asks here, does one step and asks again, so that a crash between two steps loses nothing.

import type { DesiredModel } from '../../../shared/desired-state.ts';
import type { InstallationReason, InstallationState } from '../../../shared/installation.ts';
import { installationTable } from '../../../shared/installation.ts';
import type { JobReason } from '../../../shared/job.ts';
import { deadlineOf, isFinal } from '../../../shared/machine.ts';
import { duration } from '../../../shared/units.ts';
import type { InstallationPhase, InstallationView, JobView, PlaceView, Situation, WorkView } from './situation.ts';

export type Step =
  | { readonly kind: 'abort'; readonly id: string }
  | {
      readonly kind: 'end-installation';
      readonly installationId: string;
      readonly to: InstallationState;
      readonly reason: InstallationReason;
    }
  | { readonly kind: 'accept'; readonly wanted: DesiredModel }
  | { readonly kind: 'withdraw'; readonly place: PlaceView }
  /** What runs as a shadow becomes current; its engine is loaded first. */
  | { readonly kind: 'promote'; readonly wanted: DesiredModel }
  | { readonly kind: 'shadow'; readonly id: string }
  | { readonly kind: 'restore'; readonly place: PlaceView }
  | { readonly kind: 'adopt'; readonly wanted: DesiredModel }
  | {
      readonly kind: 'end-job';
      readonly jobId: string;
      readonly to: 'CANCELED' | 'TIMED_OUT' | 'FAILED';
      readonly reason: JobReason;
    }
  | { readonly kind: 'activate'; readonly installationId: string }
  | { readonly kind: 'install'; readonly installationId: string; readonly phase: InstallationPhase }
  | { readonly kind: 'picture'; readonly jobId: string }
  | { readonly kind: 'bench'; readonly jobId: string }
  | { readonly kind: 'prune' }
  | { readonly kind: 'wait'; readonly untilMs: number | null };

export const bounds = {
  /** How often one phase of an installation, or a job, is begun again after the agent was killed in it. */
  installationAttempts: 3,
  jobAttempts: 2,
  /** A picture waits this long for a timed measurement; then it is made beside it, and the bench says so. */
  pictureYieldMs: 20_000,
  /** A probe or bench waits this long for pictures that keep coming. */
  heavyPatienceMs: 60_000,
  uploadsAtOnce: 4,
} as const;

/** The first thing to do; `wait` when there is nothing before `untilMs` or the next event. */
export function plan(situation: Situation): Step {
  return (
    strayWork(situation) ??
    shadowInTheWay(situation) ??
    overdueInstallation(situation) ??
    endingJob(situation) ??
    newlyWanted(situation) ??
    misplaced(situation) ??
    pruning(situation) ??
    nextWork(situation) ?? { kind: 'wait', untilMs: nextMoment(situation) }
  );
}

const isOpen = ({ state }: InstallationView) => !isFinal(installationTable, state);

function strayWork(situation: Situation): Step | null {
  const { work, installations, jobs, shadows } = situation;
  const open = new Set([
    ...shadows.map(({ id }) => id),
    ...promotions(situation).map(({ installationId }) => installationId),
    ...installations.filter(isOpen).map(({ installationId }) => installationId),
    ...jobs.map(({ jobId }) => jobId),
  ]);
  const stray = work.find(({ id, stopping }) => !stopping && !open.has(id));
  return stray ? { kind: 'abort', id: stray.id } : null;
}

/** A shadow never makes anybody wait: it stops for a picture, a bench and an installation, and begins again later. */
function shadowInTheWay(situation: Situation): Step | null {
  const shadow = situation.work.find(({ kind, stopping }) => kind === 'shadow' && !stopping);
  return shadow && isAwaited(situation) ? { kind: 'abort', id: shadow.id } : null;
}

const isAwaited = (situation: Situation): boolean =>
  waitingJobs(situation, 'picture').length > 0 || heavyCandidate(situation) !== null;

function overdueInstallation({ nowMs, desired, installations, work }: Situation): Step | null {
  const wanted = new Set(desired?.models.map(({ installationId }) => installationId));
  for (const installation of installations.filter(isOpen)) {
    const { installationId, state, sinceMs, attempts } = installation;
    const end = (to: InstallationState, code: InstallationReason['code'], message: string): Step => ({
      kind: 'end-installation',
      installationId,
      to,
      reason: { code, message },
    });
    if (!wanted.has(installationId))
      return end('SUPERSEDED', 'superseded', `generation ${desired?.generation} no longer asks for it`);
    const { onDeadline, deadlineMs } = installationTable[state];
    if (onDeadline && (deadlineOf(installationTable, state, sinceMs) ?? Infinity) <= nowMs)
      return end(onDeadline, 'deadline_passed', `${state} lasted longer than ${duration(deadlineMs ?? 0)}`);
    const idle = !work.some(({ id }) => id === installationId);
    if (idle && (state === 'ACTIVATING' || state === 'PROBING') && attempts >= bounds.installationAttempts)
      return end('ROLLED_BACK', 'crashed', `the agent ended ${attempts} times in the midst of ${state}`);
  }
  return null;
}

function endingJob({ nowMs, jobs, work }: Situation): Step | null {
  for (const { jobId, kind, deadlineMs, cancelRequested, attempts } of jobs) {
    if (cancelRequested)
      return { kind: 'end-job', jobId, to: 'CANCELED', reason: { code: 'canceled', message: 'canceled by request' } };
    if (deadlineMs <= nowMs) {
      const running = work.find(({ id }) => id === jobId);
      const at = running?.reached;
      const where = at ? `, at ${at.stage} ${at.done} of ${at.total}` : '';
      const when = running ? `while it ran${where}` : 'before its turn came';
      const late = nowMs - deadlineMs < 1000 ? '' : `, ${duration(nowMs - deadlineMs)} ago`;
      const message = `the ${kind}'s time was over ${when}${late}`;
      return { kind: 'end-job', jobId, to: 'TIMED_OUT', reason: { code: 'expired', message } };
    }
    if (attempts >= bounds.jobAttempts && !work.some(({ id }) => id === jobId))
      return {
        kind: 'end-job',
        jobId,
        to: 'FAILED',
        reason: { code: 'agent_restarted', message: `the agent ended ${attempts} times in the midst of this ${kind}` },
      };
  }
  return null;
}

function newlyWanted({ desired, installations }: Situation): Step | null {
  const known = new Set(installations.map(({ installationId }) => installationId));
  const wanted = desired?.models.find(({ installationId }) => !known.has(installationId));
  return wanted ? { kind: 'accept', wanted } : null;
}

const samePlace = (a: Pick<PlaceView, 'model' | 'role'>, b: Pick<PlaceView, 'model' | 'role'>) =>
  a.model === b.model && a.role === b.role;

/** Runs what nobody wants, or what ran before is wanted again under the id that it was committed with. */
function misplaced(situation: Situation): Step | null {
  const { desired, running, before, work } = situation;
  if (!desired) return null;
  const promoted = promotions(situation);
  const next = promoted.find(({ installationId }) => !work.some(({ id }) => id === installationId));
  if (next) return { kind: 'promote', wanted: next };
  const unwanted = running.find(
    (place) =>
      !desired.models.some((model) => samePlace(model, place)) &&
      !promoted.some(({ installationId }) => installationId === place.installationId),
  );
  if (unwanted) return { kind: 'withdraw', place: unwanted };
  const wantedAgain = before.find((place) =>
    desired.models.some(({ installationId }) => installationId === place.installationId),
  );
  if (wantedAgain) return { kind: 'restore', place: wantedAgain };
  const renamed = desired.models.find((wanted) => runsUnderAnotherName(wanted, situation));
  return renamed ? { kind: 'adopt', wanted: renamed } : null;
}

/** Models that are wanted as current under the very installation that runs as their shadow. */
function promotions({ desired, running }: Situation): DesiredModel[] {
  return (desired?.models ?? []).filter(
    ({ installationId, role }) =>
      role === 'current' && running.some((place) => place.installationId === installationId && place.role === 'shadow'),
  );
}

/** A rollout of what ran already was called off: the installation before it is wanted, and the same version runs. */
function runsUnderAnotherName(wanted: DesiredModel, { running, installations }: Situation): boolean {
  const runs = running.find((place) => samePlace(place, wanted));
  return (
    runs !== undefined &&
    runs.installationId !== wanted.installationId &&
    runs.versionDigest === wanted.versionDigest &&
    runs.variant === wanted.variant &&
    installations.some((one) => one.installationId === wanted.installationId && one.state === 'COMMITTED')
  );
}

function nextWork(situation: Situation): Step | null {
  const heavy = heavyCandidate(situation);
  const impatient = heavy !== null && situation.nowMs - heavy.sinceMs >= bounds.heavyPatienceMs;
  const picture = nextPicture(situation);
  if (picture && !(impatient && !isHeavyBusy(situation))) return picture;
  const light = lightInstallation(situation);
  if (light) return light;
  if (isHeavyBusy(situation) || isGenerating(situation)) return null;
  return heavy ? heavy.step : nextShadow(situation);
}

/** When there is nothing else to do. */
function nextShadow(situation: Situation): Step | null {
  const [first] = situation.shadows;
  return first && !isAwaited(situation) ? { kind: 'shadow', id: first.id } : null;
}

const isGenerating = ({ work }: Situation) => work.some(({ phase }) => phase === 'generate' || phase === 'shadow');
const isHeavyBusy = ({ work }: Situation) => work.some(({ phase }) => isHeavy(phase));

/** Whether work of this phase has an engine of its own. */
export const isHeavy = (phase: WorkView['phase']): boolean => ['activate', 'prove', 'measure'].includes(phase);

/** Jobs of one kind that neither run nor wait to be ended. */
function waitingJobs({ jobs, work }: Situation, kind: JobView['kind']): JobView[] {
  return jobs.filter((job) => job.kind === kind && !work.some(({ id }) => id === job.jobId));
}

function nextPicture(situation: Situation): Step | null {
  const [job] = waitingJobs(situation, 'picture');
  if (!job || isGenerating(situation)) return null;
  if (situation.work.filter(({ phase }) => phase === 'upload').length >= bounds.uploadsAtOnce) return null;
  const patient = situation.nowMs < job.receivedMs + bounds.pictureYieldMs;
  const mustWait = situation.work.some(({ exclusive, timed }) => exclusive || (timed && patient));
  return mustWait ? null : { kind: 'picture', jobId: job.jobId };
}

/** The installation whose turn it is: one at a time, in the order of the desired state. */
function currentInstallation({ desired, installations, work }: Situation): InstallationView | null {
  if (work.some(({ kind }) => kind === 'installation')) return null;
  for (const { installationId } of desired?.models ?? []) {
    const found = installations.find((installation) => installation.installationId === installationId);
    if (found && isOpen(found)) return found;
  }
  return null;
}

function lightInstallation(situation: Situation): Step | null {
  const installation = currentInstallation(situation);
  const phase =
    installation &&
    ({ NOTIFIED: 'admit', DOWNLOADING: 'download', VERIFIED: 'stage' } as const)[
      installation.state as 'NOTIFIED' | 'DOWNLOADING' | 'VERIFIED'
    ];
  return installation && phase ? { kind: 'install', installationId: installation.installationId, phase } : null;
}

/** What needs an engine of its own: benches that were asked for, then the installation's next phase. One at a time. */
function heavyCandidate(situation: Situation): { readonly step: Step; readonly sinceMs: number } | null {
  const [bench] = waitingJobs(situation, 'bench');
  const installation = currentInstallation(situation);
  const step = installation && heavyStep(installation);
  if (installation && step && !(bench && bench.receivedMs < installation.sinceMs))
    return { step, sinceMs: installation.sinceMs };
  return bench ? { step: { kind: 'bench', jobId: bench.jobId }, sinceMs: bench.receivedMs } : null;
}

function heavyStep({ installationId, state, proven }: InstallationView): Step | null {
  if (state === 'STAGED') return { kind: 'activate', installationId };
  if (state === 'ACTIVATING') return { kind: 'install', installationId, phase: 'activate' };
  if (state === 'PROBING') return { kind: 'install', installationId, phase: proven ? 'measure' : 'prove' };
  return null;
}

/** Before new work, so that its space is there; engines that are no longer needed are closed, so none may be in use. */
function pruning(situation: Situation): Step | null {
  const inUse = isHeavyBusy(situation) || isGenerating(situation);
  return situation.pruneDue && !inUse ? { kind: 'prune' } : null;
}

function nextMoment(situation: Situation): number | null {
  const moments = [
    ...situation.installations
      .filter(isOpen)
      .map(({ state, sinceMs }) => deadlineOf(installationTable, state, sinceMs) ?? Infinity),
    ...situation.jobs.map(({ deadlineMs }) => deadlineMs),
    ...waitingJobs(situation, 'picture').map(({ receivedMs }) => receivedMs + bounds.pictureYieldMs),
  ].filter((moment) => moment > situation.nowMs);
  const earliest = Math.min(...moments);
  return Number.isFinite(earliest) ? earliest : null;
}
