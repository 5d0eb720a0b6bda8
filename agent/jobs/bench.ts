// A bench that somebody asked for: a fresh engine of any version that stands on this device.
import { limits } from '../../shared/limits.ts';
import type { BenchRequest, RunningModel } from '../../shared/messages.ts';
import { engineSpec } from '../engine-spec.ts';
import { jobFault } from '../job-fault.ts';
import type { Means } from '../means.ts';
import { fitBench } from '../rules/fit-report.ts';
import { failed, type JobOutcome } from '../rules/job-outcome.ts';
import { throttle } from '../throttle.ts';

const PROGRESS_MS = 200;

type BenchProgress = { readonly stage: string; readonly done: number; readonly total: number };

export interface BenchOrder {
  readonly jobId: string;
  readonly request: BenchRequest;
  readonly place: RunningModel;
  readonly signal: AbortSignal;
  /** Every step of it, unthrottled. */
  readonly onProgress: (progress: BenchProgress) => void;
}

export async function bench(
  means: Means,
  { jobId, request, place, signal, onProgress }: BenchOrder,
): Promise<JobOutcome> {
  const { engines, agentVersion, clock } = means;
  const tell = throttle(clock, { everyMs: PROGRESS_MS }, (progress: BenchProgress) =>
    means.progress({ kind: 'job', jobId, ...progress }),
  );
  try {
    const result = await means.measure.runBench({
      ...{ launcher: engines.launcher, mode: request.mode, agentVersion, clock, signal },
      spec: await engineSpec(means.store, place),
      onProgress: (progress) => {
        onProgress(progress);
        tell(progress);
      },
    });
    if (signal.aborted) return { kind: 'stopped' };
    return {
      kind: 'ended',
      report: { kind: 'job', jobId, to: 'SUCCEEDED', bench: fitBench(result, limits.mqttMessageBytes / 2) },
    };
  } catch (error) {
    return signal.aborted ? { kind: 'stopped' } : jobFault(jobId, error);
  }
}

/** A bench of a version that is not here is refused before anything starts. */
export function benchRefusal(
  jobId: string,
  { model, version }: BenchRequest,
  here: readonly RunningModel[],
): JobOutcome {
  const list = here.map((place) => `${place.model}@${place.version}`).join(', ');
  return failed(jobId, 'REJECTED', {
    code: 'version_not_running',
    message: `${model}@${version} is not on this device (here: ${list || 'none'}); roll it out first`,
  });
}
