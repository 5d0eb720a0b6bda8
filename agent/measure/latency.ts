// Single stream (MLPerf Inference): one query after the other, in a fixed order, nothing cached.
import type { BenchSample } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import { limits } from '../../shared/limits.ts';
import { mean, median, percentile, standardDeviation } from '../../shared/statistics.ts';
import type { Engine } from '../engine/engine.ts';
import type { BenchPrompt } from './bench-prompts.ts';

export interface TimedQueries {
  readonly samples: BenchSample[];
  /** Of each query: from the agent's request until the picture was back with it. */
  readonly roundTripsMs: number[];
  /** Of each query: its denoising steps. */
  readonly stepsMs: (readonly number[])[];
  /** PNGs by place in `prompts`, as far as the memory bound allows: a scoring need not make them again. */
  readonly pictures: ReadonlyMap<number, Uint8Array>;
}

/** Queries until the mode's least number is reached, and then until its time or its greatest number is. */
export async function timeQueries(options: {
  readonly engine: Engine;
  readonly prompts: readonly BenchPrompt[];
  readonly mode: { readonly minQueries: number; readonly maxQueries: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onQuery: (done: number) => void;
  /** Called between two queries; its time counts for no query. */
  readonly between?: () => Promise<void>;
}): Promise<TimedQueries> {
  const { engine, prompts, mode, clock, signal, onQuery } = options;
  const samples: BenchSample[] = [];
  const roundTripsMs: number[] = [];
  const stepsMs: (readonly number[])[] = [];
  const pictures = new Map<number, Uint8Array>();
  let keptBytes = 0;
  const startedAt = clock.monotonic();
  const unfinished = () =>
    samples.length < mode.minQueries ||
    (samples.length < mode.maxQueries && clock.monotonic() - startedAt < mode.maxMs);
  while (unfinished()) {
    const place = samples.length % prompts.length;
    const { prompt, seed } = prompts[place] as BenchPrompt;
    const askedAt = clock.monotonic();
    const made = await engine.generate({ prompt, seed, fresh: true }, signal ? { signal } : {});
    const { latencyMs, stagesMs, png } = made;
    samples.push(sampleOf(latencyMs, stagesMs));
    roundTripsMs.push(clock.monotonic() - askedAt);
    stepsMs.push(made.stepsMs);
    if (!pictures.has(place) && keptBytes + png.length <= limits.pictureBytes) {
      pictures.set(place, png);
      keptBytes += png.length;
    }
    onQuery(samples.length);
    await options.between?.();
  }
  return { samples, roundTripsMs, stepsMs, pictures };
}

/** Whole microseconds: two thousand samples must fit into one message. */
function sampleOf(latencyMs: number, stagesMs: Readonly<Record<string, number>>): BenchSample {
  const stages = Object.entries(stagesMs).map(([stage, ms]) => [stage, microseconds(ms)]);
  return { latencyMs: microseconds(latencyMs), stagesMs: Object.fromEntries(stages) };
}

const microseconds = (ms: number): number => Math.round(ms * 1000) / 1000;

/** The median of each denoising step over queries that all took the same number of them. */
export function stepMedians(stepsMs: readonly (readonly number[])[]): number[] {
  return (stepsMs[0] ?? []).map((_, step) => microseconds(median(stepsMs.map((steps) => steps[step] ?? 0))));
}

/** The figures of a BenchResult that follow from its samples. */
export function latencyFigures(samples: readonly BenchSample[]) {
  const latenciesMs = samples.map(({ latencyMs }) => latencyMs);
  const stages = new Set(samples.flatMap(({ stagesMs }) => Object.keys(stagesMs)));
  return {
    latencyMsP50: median(latenciesMs),
    latencyMsP90: percentile(latenciesMs, 90),
    latencyMsP99: percentile(latenciesMs, 99),
    latencyMsMean: mean(latenciesMs),
    latencyMsStdev: standardDeviation(latenciesMs),
    stagesMsP50: Object.fromEntries(
      [...stages].map((stage) => [stage, median(samples.map(({ stagesMs }) => stagesMs[stage] ?? 0))]),
    ),
  };
}
