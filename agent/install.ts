// One phase of an installation, run as a piece of work beside the loop.
import type { BenchResult } from '../shared/bench.ts';
import { messageOf } from '../shared/errors.ts';
import { engineSpec } from './engine-spec.ts';
import { makeRoom } from './make-room.ts';
import type { Means } from './means.ts';
import type { JobOutcome } from './rules/job-outcome.ts';
import { slotName } from './rules/kept-versions.ts';
import { isDiskFull, noSpace } from './rules/no-space.ts';
import type { InstallationPhase } from './rules/plan/situation.ts';
import { ended, type StepOutcome } from './rules/step-outcome.ts';
import { activate } from './steps/activate.ts';
import { admit } from './steps/admit.ts';
import { download } from './steps/download.ts';
import { measure } from './steps/measure.ts';
import { prove } from './steps/prove.ts';
import { stage } from './steps/stage.ts';
import type { Installation } from './store/installations.ts';
import { throttle } from './throttle.ts';
import type { Work } from './work-list.ts';

const PROGRESS_MS = 500;

/** @param change tells the plan that something about the work is different now */
export async function install(
  means: Means,
  installation: Installation,
  { phase, work, change }: { phase: InstallationPhase; work: Work; change: (change: Partial<Work>) => void },
): Promise<StepOutcome> {
  const { wanted } = installation;
  const { signal } = work;
  try {
    switch (phase) {
      case 'admit':
        return await admit(means, wanted, signal);
      case 'download':
        return await download(means, wanted, signal);
      case 'stage':
        return await stage(means, wanted);
      case 'activate':
        // Rolled out anew: whatever it did before, it gets its chance.
        if (!work.signal.aborted) means.store.crashes.forgive(wanted);
        await settle(means, wanted, change);
        return await activate(means, wanted, signal);
      case 'prove':
        await settle(means, wanted, change);
        return await prove(means, wanted, signal);
      case 'measure':
        return withDisturbance(work, await measureAlone(means, installation, { work, change }));
    }
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    return isDiskFull(error) ? diskFull(means, phase) : unexpected(phase, error);
  }
}

/** Before the new version's engine is used: is there room for pictures beside it? */
async function settle(
  means: Means,
  wanted: Installation['wanted'],
  change: (change: Partial<Work>) => void,
): Promise<void> {
  const spec = await engineSpec(means.store, wanted);
  const need = { starts: !means.engines.isLoaded(spec), keep: slotName(wanted) };
  change({ exclusive: !(await makeRoom(means, spec, need)) });
}

/** The bench starts a fresh engine, so the one that was proven goes first, unless it is the one that makes pictures. */
async function measureAlone(
  means: Means,
  { wanted }: Installation,
  { work, change }: { work: Work; change: (change: Partial<Work>) => void },
): Promise<StepOutcome> {
  const spec = await engineSpec(means.store, wanted);
  const isRunning = means.store.places.running().some((place) => slotName(place) === slotName(wanted));
  if (!isRunning) await means.engines.release(spec);
  change({ exclusive: !(await makeRoom(means, spec, { starts: true })) });
  const tell = throttle(
    means.clock,
    { everyMs: PROGRESS_MS },
    (progress: { stage: string; done: number; total: number }) =>
      means.progress({ kind: 'installation', installationId: wanted.installationId, ...progress }),
  );
  return measure(means, wanted, {
    signal: work.signal,
    onProgress: (progress) => {
      if (work.timed !== isTimed(progress.stage)) change({ timed: isTimed(progress.stage) });
      tell(progress);
    },
  });
}

/** Scoring pictures takes its time, but measures none. */
export const isTimed = (stage: string): boolean => stage !== 'quality';

/** A bench that pictures were made beside says so. */
function disturbed(result: BenchResult, picturesBeside: number): BenchResult {
  if (picturesBeside === 0) return result;
  const words = `${picturesBeside} pictures were made for others during the timed queries`;
  return { ...result, disturbances: [...result.disturbances, words].slice(0, 20) };
}

function withDisturbance({ picturesBeside }: Work, outcome: StepOutcome): StepOutcome {
  return outcome.kind === 'measured' ? { ...outcome, result: disturbed(outcome.result, picturesBeside) } : outcome;
}

const isActive = (phase: InstallationPhase) => phase === 'activate' || phase === 'prove' || phase === 'measure';

async function diskFull({ measure }: Means, phase: InstallationPhase): Promise<StepOutcome> {
  const { freeBytes } = await measure.diskFree();
  const reason = noSpace(`the step "${phase}"`, { neededBytes: 0, freeBytes });
  return { kind: 'ended', to: isActive(phase) ? 'ROLLED_BACK' : 'FAILED', reason };
}

function unexpected(phase: InstallationPhase, error: unknown): StepOutcome {
  return ended(isActive(phase) ? 'ROLLED_BACK' : 'FAILED', 'crashed', `${phase}: ${messageOf(error)}`);
}

/** Pictures were made beside it, and its result says so. */
export function withBenchDisturbance(outcome: JobOutcome, picturesBeside: number): JobOutcome {
  if (outcome.kind !== 'ended' || !outcome.report.bench) return outcome;
  return { kind: 'ended', report: { ...outcome.report, bench: disturbed(outcome.report.bench, picturesBeside) } };
}
