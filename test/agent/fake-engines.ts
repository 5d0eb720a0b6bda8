// Engines without a runtime: they load, make bytes from a seed, and die when they are told to.

import { type Engine, EngineFault, type EngineLauncher, type EngineSpec } from '../../agent/engine/engine.ts';
import type { Measure } from '../../agent/means.ts';
import type { BenchResult } from '../../shared/bench.ts';

const RESOURCES = { rssBytes: 120e6, anonymousBytes: 1e6, mappedBytes: 1e6, cpuMs: 1 };

export class FakeEngines {
  loadMs = 5;
  pictureMs = 5;
  loadFault: string | null = null;
  golden: 'equal' | 'different' = 'equal';
  benchMs = 20;
  memoryAvailableBytes = 1e9;
  peakRssBytes = 130e6;
  /** Every launch, by version. */
  readonly launches: string[] = [];
  /** The most that were ever alive at once. */
  mostAlive = 0;
  readonly alive = new Set<Engine & { die(killedFor?: string): void }>();

  readonly launcher = {
    launch: async (spec, options = {}) => {
      this.launches.push(spec.manifest.version);
      await pause(this.loadMs, options.signal);
      if (this.loadFault) throw new EngineFault('load_failed', this.loadFault);
      return this.engine(spec);
    },
  } satisfies EngineLauncher;

  readonly measure = {
    runBench: async ({ launcher, spec, mode, signal, onProgress, observe }) => {
      onProgress?.({ stage: 'load', done: 0, total: 1 });
      const engine = await launcher.launch(spec, signal ? { signal } : {});
      try {
        onProgress?.({ stage: 'queries', done: 0, total: 8 });
        await pause(this.benchMs, signal);
        for (let made = 0; made < 2; made++) await observe({ spec, engine, made: picture(spec, 'a circle', made) });
        onProgress?.({ stage: 'quality', done: 0, total: 1 });
        return benchResult(spec, mode);
      } finally {
        await engine.close();
      }
    },
    runComparison: async () => {
      throw new EngineFault('run_failed', 'these engines are not worth comparing');
    },
    compareShadow: async () => ({ meanAbsoluteDifference: 3, sameLabels: 1, adherence: null }),
    checkGolden: async (engine, spec, signal) => {
      await engine.generate(
        { prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: 1 },
        signal ? { signal } : {},
      );
      return this.golden === 'equal'
        ? { kind: 'equal', worstMeanAbsoluteDifference: 0 }
        : { kind: 'different', message: 'golden picture 0 differs by 90 levels' };
    },
    ownRssBytes: () => 60e6,
    readHost: async () => ({
      ...{ memoryAvailableBytes: this.memoryAvailableBytes, load1: 0, temperatureCelsius: null, throttledFlags: null },
    }),
    readProcess: async () => this.resources(),
    installedRuntimes: async () => [{ runtime: 'onnxruntime', version: '1.30.0' }],
    diskFree: async () => ({ freeBytes: 1e12, totalBytes: 2e12 }),
  } satisfies Measure;

  private resources() {
    return { ...RESOURCES, peakRssBytes: this.peakRssBytes };
  }

  private engine(spec: EngineSpec): Engine {
    const { promise: exited, resolve } = Promise.withResolvers<Awaited<Engine['exited']>>();
    const dead = new AbortController();
    const end = (expected: boolean, killedFor: string | null = null) => {
      this.alive.delete(engine);
      dead.abort();
      resolve({ code: expected ? 0 : null, signal: expected ? null : 'SIGKILL', expected, killedFor });
    };
    const engine = {
      ...{ loadedBytes: 125e6, predictedPeakBytes: null, inTurn: false, compiled: null },
      ...{ pid: 2 ** 22, loadMs: this.loadMs, runtimeVersion: 'fake 1.0.0', threads: 1, exited },
      generate: async (request, options = {}) => {
        options.onProgress?.({ stage: 'denoise', done: 1, total: 2 });
        const signal = options.signal ? AbortSignal.any([options.signal, dead.signal]) : dead.signal;
        await pause(this.pictureMs, signal).catch((fault) => {
          throw dead.signal.aborted ? new EngineFault('killed', 'the engine process was killed by SIGKILL') : fault;
        });
        if (request.prompt.length > 100) throw new EngineFault('prompt_too_long', 'at most 100 characters');
        return picture(spec, request.prompt, request.seed);
      },
      evaluate: async () => ({}),
      describe: async () => ({ build: 'fake', kernels: [] }),
      makeWay: async () => {},
      resources: async () => this.resources(),
      close: async () => end(true),
      die: (killedFor) => end(false, killedFor),
    } satisfies Engine & { die(killedFor?: string): void };
    this.alive.add(engine);
    this.mostAlive = Math.max(this.mostAlive, this.alive.size);
    return engine;
  }
}

function picture({ variant, manifest }: EngineSpec, prompt: string, seed: number) {
  const { width, height } = variant.resolution;
  const png = Buffer.from(`${manifest.version} ${prompt} ${seed}`);
  return {
    png,
    width,
    height,
    steps: variant.steps,
    seed,
    latencyMs: 5,
    stagesMs: { denoise: 5 },
    stepsMs: [5],
    embeddingsReused: 0,
    unknownWords: [],
    promptCuts: [],
  };
}

function benchResult({ manifest, variant, versionDigest }: EngineSpec, mode: BenchResult['mode']): BenchResult {
  return {
    ...{ mode, model: manifest.model, version: manifest.version, versionDigest, variant: variant.name },
    ...{ runtimeVersion: 'fake 1.0.0', agentVersion: '0.0.0', threads: 1, steps: variant.steps },
    ...{ resolution: { width: 32, height: 32 }, loadMs: 5, coldLatencyMs: 5 },
    ...{
      latencyMsP50: 5,
      latencyMsP90: null,
      latencyMsP99: null,
      latencyMsMean: 5,
      latencyMsStdev: 0,
      stagesMsP50: {},
    },
    ...{
      peakRssBytes: 2e6,
      anonymousBytes: 1e6,
      parameters: variant.parameters,
      cpuShare: 1,
      temperatureMaxCelsius: null,
    },
    ...{ quality: null, disturbances: [], samples: [{ latencyMs: 5, stagesMs: {} }], startedAtMs: 1, endedAtMs: 2 },
  };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(new EngineFault('canceled', 'canceled'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
