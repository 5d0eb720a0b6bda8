// A bench run: a fresh engine, its load, its first picture, timed queries, memory, quality, and what disturbed it.
import { availableParallelism } from 'node:os';
import { BENCH_MODES, type BenchMode, type BenchResult } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Engine, EngineLauncher, EngineSpec } from '../engine/engine.ts';
import { type BenchPrompt, readBenchPrompts } from './bench-prompts.ts';
import { cpuProbe } from './cpu-probe.ts';
import { disturbances } from './disturbances.ts';
import { readHostCounters } from './host-counters.ts';
import { latencyFigures, timeQueries } from './latency.ts';
import { type MeasuredQuality, measureQuality } from './quality.ts';
import { watchHost } from './watch-host.ts';

export interface BenchOptions {
  readonly launcher: EngineLauncher;
  readonly spec: EngineSpec;
  readonly mode: BenchMode;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { stage: string; done: number; total: number }) => void;
}

/** @throws EngineFault when the engine does not load, dies, or the run is canceled */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { launcher, spec, clock, signal } = options;
  const startedAtMs = clock.now();
  const prompts = await readBenchPrompts(spec);
  const probeBeforeMs = await cpuProbe(clock);
  options.onProgress?.({ stage: 'load', done: 0, total: 1 });
  const engine = await launcher.launch(spec, signal ? { signal } : {});
  try {
    const cold = await generateFirst(engine, prompts, signal);
    const timed = await timedRun(options, engine, prompts);
    const quality = await scored(options, engine, prompts, timed.pictures);
    const conditions = { ...timed.conditions, probeBeforeMs, probeAfterMs: await cpuProbe(clock) };
    return {
      ...whatRan(options, engine),
      coldLatencyMs: cold.latencyMs,
      ...latencyFigures(timed.samples),
      ...timed.figures,
      quality: quality && resultOf(quality),
      disturbances: disturbances(conditions),
      samples: timed.samples,
      startedAtMs,
      endedAtMs: clock.now(),
    };
  } finally {
    await engine.close();
  }
}

/** A copy of its own: what goes into a message is plain. */
function resultOf({ pictures, interval, artifacts, ...numbers }: MeasuredQuality) {
  return { ...numbers, pictures: [...pictures], interval: { ...interval }, artifacts: artifacts && { ...artifacts } };
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
    parameters: variant.parameters,
  };
}

function generateFirst(engine: Engine, prompts: readonly BenchPrompt[], signal: AbortSignal | undefined) {
  const { prompt, seed } = prompts[0] as BenchPrompt;
  return engine.generate({ prompt, seed }, signal ? { signal } : {});
}

/** Warm-ups, then the timed queries between two readings of every counter. */
async function timedRun(options: BenchOptions, engine: Engine, prompts: readonly BenchPrompt[]) {
  const { clock, signal, onProgress } = options;
  const mode = BENCH_MODES[options.mode];
  for (let done = 0; done < mode.warmUp; done++) {
    onProgress?.({ stage: 'warm-up', done, total: mode.warmUp });
    await generateFirst(engine, prompts, signal);
  }
  const watch = watchHost(clock);
  const [before, engineBefore, agentBefore] = [await readHostCounters(), await engine.resources(), process.cpuUsage()];
  const startedAt = clock.monotonic();
  const onQuery = (done: number) => onProgress?.({ stage: 'queries', done, total: mode.maxQueries });
  const timed = await timeQueries({ engine, prompts, mode, clock, signal, onQuery }).finally(watch.stop);
  const wallMs = clock.monotonic() - startedAt;
  const [after, engineAfter, agentCpu] = [
    await readHostCounters(),
    await engine.resources(),
    process.cpuUsage(agentBefore),
  ];
  const { temperatureMaxCelsius, throttledFlags } = watch.stop();
  const engineCpuMs = engineAfter.cpuMs - engineBefore.cpuMs;
  const ownCpuMs = engineCpuMs + (agentCpu.user + agentCpu.system) / 1000;
  return {
    ...timed,
    figures: {
      peakRssBytes: engineAfter.peakRssBytes,
      anonymousBytes: engineAfter.anonymousBytes,
      cpuShare: engineCpuMs / wallMs,
      temperatureMaxCelsius,
    },
    conditions: { wallMs, cores: availableParallelism(), before, after, ownCpuMs, throttledFlags },
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
