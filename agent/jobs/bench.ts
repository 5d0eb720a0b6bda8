// A bench that somebody asked for: a fresh engine of any version that stands on this device.
import { limits } from '../../shared/limits.ts';
import type { BenchRequest, RunningModel } from '../../shared/messages.ts';
import type { EngineSpec, Painted } from '../engine/engine.ts';
import { engineSpec } from '../engine-spec.ts';
import { jobFault } from '../job-fault.ts';
import type { Means } from '../means.ts';
import type { ComparisonOptions } from '../measure/compare.ts';
import { observeMemory } from '../picture-memory.ts';
import { availableFor, predictFor } from '../plan-memory.ts';
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
    const spec = await engineSpec(means.store, place);
    const options = {
      ...{ launcher: engines.launcher, agentVersion, clock, signal },
      observe: (painted: Painted) => observeMemory(means, painted),
      onProgress: (progress: BenchProgress) => {
        onProgress(progress);
        tell(progress);
      },
    };
    if (request.against) return await compare(means, { jobId, request, a: spec, options });
    const { mode, settings = {} } = request;
    const result = await means.measure.runBench({ ...options, mode, spec, settings });
    if (signal.aborted) return { kind: 'stopped' };
    return {
      kind: 'ended',
      report: { kind: 'job', jobId, to: 'SUCCEEDED', bench: fitBench(result, limits.mqttMessageBytes / 2) },
    };
  } catch (error) {
    return signal.aborted ? { kind: 'stopped' } : jobFault(jobId, error);
  }
}

/** Both engines are loaded at once, so both must fit. */
async function compare(
  means: Means,
  {
    jobId,
    request,
    a,
    options,
  }: {
    jobId: string;
    request: BenchRequest;
    a: EngineSpec;
    options: Omit<ComparisonOptions, 'a' | 'b' | 'mode'>;
  },
): Promise<JobOutcome> {
  const { store, measure } = means;
  const here = [...store.places.running(), ...store.places.before()];
  const other = here.find(({ versionDigest }) => versionDigest === request.against?.versionDigest);
  if (!other) return benchRefusal(jobId, request.against ?? request, here);
  const b = await engineSpec(store, other);
  const [ofA, ofB] = [await predictFor(store, a), await predictFor(store, b)];
  const neededBytes = ofA.togetherBytes + ofB.togetherBytes;
  const memoryAvailableBytes = await availableFor(means, neededBytes);
  if (neededBytes > memoryAvailableBytes)
    return failed(jobId, 'REJECTED', {
      code: 'memory_insufficient',
      message: `both versions together need ${neededBytes} bytes at their peak, ${memoryAvailableBytes} are available: ${neededBytes - memoryAvailableBytes} too few; bench them one after the other`,
    });
  const mode = request.mode === 'probe' ? 'quick' : request.mode;
  const comparison = await measure.runComparison({ ...options, a, b, mode });
  if (options.signal?.aborted) return { kind: 'stopped' };
  return { kind: 'ended', report: { kind: 'job', jobId, to: 'SUCCEEDED', comparison } };
}

/** A bench of a version that is not here is refused before anything starts. */
export function benchRefusal(
  jobId: string,
  { model, version }: Pick<BenchRequest, 'model' | 'version'>,
  here: readonly RunningModel[],
): JobOutcome {
  const list = here.map((place) => `${place.model}@${place.version}`).join(', ');
  return failed(jobId, 'REJECTED', {
    code: 'version_not_running',
    message: `${model}@${version} is not on this device (here: ${list || 'none'}); roll it out first`,
  });
}
