// A bench run: a fresh engine, its load, its first picture, timed queries, memory, quality, and what disturbed it.
import { BENCH_MODES, type BenchMode, type BenchResult } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import type { BenchSettings } from '../../shared/fit.ts';
import { median } from '../../shared/statistics.ts';
import type { Engine, EngineLauncher, EngineSpec, Painted } from '../engine/engine.ts';
import { type BenchPrompt, readBenchPrompts } from './bench-prompts.ts';
import { startCounters } from './counters.ts';
import { readProcessor } from './cpu-features.ts';
import { disturbances } from './disturbances.ts';
import { latencyFigures, stepMedians, timeQueries } from './latency.ts';
import { type Probes, startProbes } from './probes.ts';
import { type MeasuredQuality, measureQuality } from './quality.ts';

export interface BenchOptions {
  readonly launcher: EngineLauncher;
  readonly spec: EngineSpec;
  readonly mode: BenchMode;
  /** In place of the variant's own. */
  readonly settings?: BenchSettings;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** Told after the first picture and after the last timed one, when nothing but pictures has added to the engine's peak. */
  readonly observe: (painted: Painted) => Promise<unknown>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { stage: string; done: number; total: number }) => void;
}

/** @throws EngineFault when the engine does not load, dies, or the run is canceled */
export async function runBench(asked: BenchOptions): Promise<BenchResult> {
  const options = { ...asked, spec: withSettings(asked.spec, asked.settings ?? {}) };
  const { launcher, spec, clock, signal, observe } = options;
  const startedAtMs = clock.now();
  const prompts = await readBenchPrompts(spec);
  const probes = startProbes(clock);
  await probes.take();
  options.onProgress?.({ stage: 'load', done: 0, total: 1 });
  const engine = await launcher.launch(spec, signal ? { signal } : {});
  try {
    const cold = await generateFirst(engine, prompts, signal);
    await observe({ spec, engine, made: cold });
    const timed = await timedRun(options, { engine, prompts, probes });
    await observe({ spec, engine, made: cold });
    // The evaluator looks at pictures of the usual size only.
    const quality = sameSize(asked.spec, spec) ? await scored(options, engine, prompts, timed.pictures) : null;
    await probes.take();
    return {
      ...whatRan(options, engine),
      coldLatencyMs: cold.latencyMs,
      ...latencyFigures(timed.samples),
      ...timed.figures,
      ...(await whichKernels(engine, signal)),
      quality: quality && resultOf(quality),
      probesMs: [...probes.probesMs],
      disturbances: disturbances({ ...timed.conditions, probesMs: probes.probesMs }),
      samples: timed.samples,
      startedAtMs,
      endedAtMs: clock.now(),
    };
  } finally {
    await engine.close();
  }
}

function withSettings(spec: EngineSpec, { steps, width, height }: BenchSettings): EngineSpec {
  const usual = spec.variant.resolution;
  const resolution = { ...usual, width: width ?? usual.width, height: height ?? usual.height };
  return { ...spec, variant: { ...spec.variant, steps: steps ?? spec.variant.steps, resolution } };
}

const sameSize = ({ variant: { resolution: a } }: EngineSpec, { variant: { resolution: b } }: EngineSpec): boolean =>
  a.width === b.width && a.height === b.height;

/** A copy of its own: what goes into a message is plain. */
function resultOf({ pictures, interval, artifacts, ...numbers }: MeasuredQuality) {
  return { ...numbers, pictures: [...pictures], interval: { ...interval }, artifacts: artifacts && { ...artifacts } };
}

/** Last of all, because it runs graphs and loads code that a picture does not need. */
async function whichKernels(engine: Engine, signal: AbortSignal | undefined) {
  const { build, kernels } = await engine.describe(signal);
  return {
    runtimeBuild: build.slice(0, 2000),
    cpuFeatures: [...(await readProcessor()).cpuFeatures],
    kernels: kernels.slice(0, 64).map(({ graph, operator, kernel, share }) => ({
      ...{ graph: graph.slice(0, 64), operator: operator.slice(0, 64), kernel: kernel.slice(0, 64) },
      share: Math.min(1, share),
    })),
  };
}

function whatRan({ spec, mode, agentVersion }: BenchOptions, engine: Engine) {
  const { manifest, variant, versionDigest } = spec;
  return {
    mode,
    model: manifest.model,
    version: manifest.version,
    versionDigest,
    variant: variant.name,
    runtimeVersion: engine.runtimeVersion,
    agentVersion,
    threads: engine.threads,
    steps: variant.steps,
    resolution: { width: variant.resolution.width, height: variant.resolution.height },
    loadMs: engine.loadMs,
    ...(engine.compiled && { compiled: { ...engine.compiled } }),
    ...(engine.predictedPeakBytes !== null && { predictedPeakBytes: engine.predictedPeakBytes }),
    partsInTurn: engine.inTurn,
    parameters: variant.parameters,
  };
}

function generateFirst(engine: Engine, prompts: readonly BenchPrompt[], signal: AbortSignal | undefined) {
  const { prompt, seed } = prompts[0] as BenchPrompt;
  return engine.generate({ prompt, seed, fresh: true }, signal ? { signal } : {});
}

/** Warm-ups, then the timed queries between two readings of every counter. */
async function timedRun(
  options: BenchOptions,
  { engine, prompts, probes }: { engine: Engine; prompts: readonly BenchPrompt[]; probes: Probes },
) {
  const { clock, signal, onProgress } = options;
  const mode = BENCH_MODES[options.mode];
  for (let done = 0; done < mode.warmUp; done++) {
    onProgress?.({ stage: 'warm-up', done, total: mode.warmUp });
    await generateFirst(engine, prompts, signal);
  }
  const counters = await startCounters(clock, [engine]);
  const onQuery = (done: number) => onProgress?.({ stage: 'queries', done, total: mode.maxQueries });
  const timed = await timeQueries({
    ...{ engine, prompts, mode, clock, signal, onQuery },
    between: probes.takeIfDue,
  }).catch((fault) => {
    counters.stop();
    throw fault;
  });
  const { conditions, engineCpuMs, joules, temperatureMaxCelsius } = await counters.read();
  const { peakRssBytes, anonymousBytes, mappedBytes } = await engine.resources();
  const count = timed.samples.length;
  return {
    ...timed,
    figures: {
      ...{ peakRssBytes, anonymousBytes, mappedBytes, temperatureMaxCelsius },
      cpuShare: engineCpuMs / conditions.wallMs,
      cpuMsPerPicture: engineCpuMs / count,
      energyJoulesPerPicture: joules === null ? null : joules / count,
      frequencyMhz: conditions.frequencyMhz && { ...conditions.frequencyMhz },
      roundTripMsP50: median(timed.roundTripsMs),
      stepsMsP50: stepMedians(timed.stepsMs),
    },
    conditions,
  };
}

function scored(
  { spec, mode, signal, onProgress }: BenchOptions,
  engine: Engine,
  prompts: readonly BenchPrompt[],
  pictures: ReadonlyMap<number, Uint8Array>,
) {
  if (!spec.manifest.evaluation) return null;
  const judged = prompts.slice(0, BENCH_MODES[mode].qualityPrompts);
  const onPicture = (done: number) => onProgress?.({ stage: 'quality', done, total: judged.length });
  const { gridPeriodPixels } = spec.manifest.evaluation;
  return measureQuality({ engine, prompts: judged, pictures, gridPeriodPixels, signal, onPicture });
}
