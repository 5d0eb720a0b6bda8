// Engines and measurements without a runtime. An engine reads its slot when it loads and remembers what it found, makes
// bytes from a seed, and crashes or hangs as its version does or as a fault wants it.
import { createHash } from 'node:crypto';
import { type Engine, EngineFault, type EngineLauncher, type EngineSpec } from '../../agent/engine/engine.ts';
import type { Measure } from '../../agent/means.ts';
import type { BenchResult } from '../../shared/bench.ts';
import { timings } from '../../shared/limits.ts';
import { artifactsForDevice } from '../../shared/manifest.ts';
import type { SimDisk } from './disk.ts';
import type { SimProcess } from './process.ts';
import type { Behaviour } from './versions.ts';

const RESOURCES = { rssBytes: 150e6, peakRssBytes: 180e6, anonymousBytes: 120e6, mappedBytes: 1, cpuMs: 1 };
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const LOAD_MS = 1500;
const PICTURE_MS = 400;
const BENCH_MS = 9000;

export interface EngineFaults {
  /** Of loads and of pictures, each: the engine dies; it hangs. */
  crashes: number;
  hangs: number;
}

export interface EngineSurroundings {
  readonly process: SimProcess;
  readonly disk: SimDisk;
  readonly behaviourOf: (version: string) => Behaviour;
  readonly faults: EngineFaults;
  /** How much slower than others this device is. */
  readonly slowness: number;
  readonly memoryBytes: number;
}

export function enginesOf(at: EngineSurroundings): { launcher: EngineLauncher; measure: Measure } {
  const { process, disk, faults } = at;
  const { random } = process;

  const launcher: EngineLauncher = {
    async launch(spec, { signal } = {}) {
      const behaviour = at.behaviourOf(spec.manifest.version);
      const hangs = random.chance(faults.hangs);
      const delayMs = hangs ? timings.engineLoadMs : LOAD_MS * at.slowness;
      await pause(process, { delayMs, what: 'engine loads', signal });
      if (hangs) throw new EngineFault('timeout', 'the engine did not load in time');
      if (behaviour === 'unloadable') throw new EngineFault('load_failed', 'the graph cannot be loaded');
      const wrong = wrongFile(spec, disk);
      // Weights with a wrong bit may load, and may even draw the golden pictures.
      const isNoticed = wrong !== null && (disk.peek(`${spec.folder}/${wrong}`) === null || random.chance(0.5));
      if (isNoticed) throw new EngineFault('load_failed', `"${wrong}" cannot be read`);
      return engineOf(spec, behaviour);
    },
  };

  function engineOf(spec: EngineSpec, behaviour: Behaviour): Engine {
    const { promise: exited, resolve } = Promise.withResolvers<Awaited<Engine['exited']>>();
    const dead = new AbortController();
    const end = (expected: boolean) => {
      dead.abort();
      resolve({ code: expected ? 0 : null, signal: expected ? null : 'SIGKILL', expected, killedFor: null });
    };
    return {
      ...{ pid: random.int(1000, 99_999), loadMs: LOAD_MS, runtimeVersion: 'simulated 1.0.0', threads: 1, exited },
      ...{ loadedBytes: 120e6, predictedPeakBytes: null, inTurn: false, compiled: null },
      async generate(request, { signal, onProgress } = {}) {
        onProgress?.({ stage: 'denoise', done: 1, total: 2 });
        const hangs = behaviour === 'hanging' || random.chance(faults.hangs);
        const crashes = behaviour === 'crashing' || random.chance(faults.crashes);
        const delayMs = hangs ? 10 * 3600_000 : PICTURE_MS * at.slowness;
        await pause(process, { delayMs, what: 'engine draws', signal, dead: dead.signal });
        if (crashes) {
          end(false);
          throw new EngineFault('killed', 'the engine process was killed by SIGKILL');
        }
        return picture(spec, request.prompt, request.seed);
      },
      evaluate: async () => ({}),
      describe: async () => ({ build: 'simulated', kernels: [] }),
      makeWay: async () => {},
      resources: async () => RESOURCES,
      close: async () => end(true),
    };
  }

  const measure: Measure = {
    async runBench({ launcher: given, spec, mode, signal, onProgress }) {
      onProgress?.({ stage: 'load', done: 0, total: 1 });
      const engine = await given.launch(spec, signal ? { signal } : {});
      try {
        onProgress?.({ stage: 'queries', done: 0, total: 8 });
        await engine.generate({ prompt: 'warm up', seed: 1 }, signal ? { signal } : {});
        await pause(process, { delayMs: BENCH_MS * at.slowness, what: 'bench', signal });
        onProgress?.({ stage: 'quality', done: 0, total: 1 });
        return benchResult(spec, mode, at);
      } finally {
        await engine.close();
      }
    },
    runComparison: () => Promise.reject(new EngineFault('run_failed', 'nobody asks for comparisons here')),
    compareShadow: async () => ({ meanAbsoluteDifference: 3, sameLabels: 1, adherence: null }),
    async checkGolden(engine, spec, signal) {
      await engine.generate({ prompt: 'a circle', seed: 1 }, signal ? { signal } : {});
      return at.behaviourOf(spec.manifest.version) === 'mismatched'
        ? { kind: 'different', message: 'golden picture 0 differs by 90 levels' }
        : { kind: 'equal', worstMeanAbsoluteDifference: 0 };
    },
    ownRssBytes: () => 60_000_000,
    readHost: async () => ({
      ...{ memoryAvailableBytes: at.memoryBytes, load1: 0.5, temperatureCelsius: 50, throttledFlags: 0 },
    }),
    readProcess: async () => RESOURCES,
    installedRuntimes: async () => [{ runtime: 'onnxruntime', version: '1.30.0' }],
    diskFree: async () => ({ freeBytes: disk.freeBytes + 16 * 1024 * 1024, totalBytes: 32e9 }),
  };
  return { launcher, measure };
}

/** The first file of the slot that is not what the manifest says; null when all are. */
export function wrongFile({ manifest, variant, folder }: EngineSpec, disk: SimDisk): string | null {
  const wrong = artifactsForDevice(manifest, variant).find(
    ({ path, sha256 }) => disk.sha256(`${folder}/${path}`) !== sha256,
  );
  return wrong?.path ?? null;
}

function picture({ variant, manifest }: EngineSpec, prompt: string, seed: number) {
  const { width, height } = variant.resolution;
  const png = Buffer.concat([
    PNG_SIGNATURE,
    createHash('sha256').update(`${manifest.version} ${prompt} ${seed}`).digest(),
  ]);
  return {
    png,
    width,
    height,
    steps: variant.steps,
    seed,
    latencyMs: PICTURE_MS,
    stagesMs: {},
    stepsMs: [],
    unknownWords: [],
    promptCuts: [],
    embeddingsReused: 0,
  };
}

function benchResult(
  { manifest, variant, versionDigest }: EngineSpec,
  mode: BenchResult['mode'],
  { behaviourOf, slowness, process }: EngineSurroundings,
): BenchResult {
  const behaviour = behaviourOf(manifest.version);
  const typicalMs = PICTURE_MS * slowness * (behaviour === 'slow' ? 3 : 1);
  const samples = Array.from({ length: mode === 'probe' ? 16 : 70 }, () => ({
    latencyMs: Math.round(typicalMs * (1 + 0.02 * process.random.uniform())),
    stagesMs: {},
  }));
  const adherence = behaviour === 'ugly' ? 0.3 : 0.9;
  const nowMs = process.clock.now();
  return {
    ...{ mode, model: manifest.model, version: manifest.version, versionDigest, variant: variant.name },
    ...{ runtimeVersion: 'simulated 1.0.0', agentVersion: '0.1.0', threads: 1, steps: variant.steps },
    ...{ resolution: { width: 64, height: 64 }, loadMs: LOAD_MS, coldLatencyMs: typicalMs },
    ...{ latencyMsP50: typicalMs, latencyMsP90: null, latencyMsP99: null, latencyMsMean: typicalMs },
    ...{ latencyMsStdev: 0, stagesMsP50: {}, peakRssBytes: 180e6, anonymousBytes: 120e6 },
    ...{ parameters: variant.parameters, cpuShare: 1, temperatureMaxCelsius: null, disturbances: [], samples },
    quality: {
      ...{ score: 5 * adherence, adherence, whole: adherence },
      pictures: Array.from({ length: 20 }, () => adherence),
    },
    ...{ startedAtMs: nowMs, endedAtMs: nowMs },
  };
}

function pause(
  process: SimProcess,
  {
    delayMs,
    what,
    signal,
    dead,
  }: { delayMs: number; what: string; signal?: AbortSignal | undefined; dead?: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => () => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      dead?.removeEventListener('abort', onDeath);
      settle();
    };
    const onAbort = end(() => reject(new EngineFault('canceled', 'canceled')));
    const onDeath = end(() => reject(new EngineFault('killed', 'the engine process was killed by SIGKILL')));
    const cancel = process.after(delayMs, what, end(resolve));
    if (signal?.aborted) return onAbort();
    if (dead?.aborted) return onDeath();
    signal?.addEventListener('abort', onAbort, { once: true });
    dead?.addEventListener('abort', onDeath, { once: true });
  });
}
