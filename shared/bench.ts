// What a bench run measures. The same shape serves the probe of an installation and a bench that somebody asked for,
// so that the two can be compared.
import { z } from 'zod';
import { ModelName, Sha256, VersionNumber } from './ids.ts';
import { limits } from './limits.ts';
import { ArtifactMeans, ScoreInterval } from './manifest.ts';

/** Modes after MLPerf Mobile's run rules: so many queries, or so long, whichever comes first; quality over `prompts`. */
export const BENCH_MODES = {
  /** The gate's bench after an installation. */
  probe: { warmUp: 1, minQueries: 8, maxQueries: 64, maxMs: 8_000, qualityPrompts: 48 },
  quick: { warmUp: 2, minQueries: 8, maxQueries: 128, maxMs: 10_000, qualityPrompts: 48 },
  rapid: { warmUp: 3, minQueries: 64, maxQueries: 256, maxMs: 60_000, qualityPrompts: 128 },
  full: { warmUp: 5, minQueries: 662, maxQueries: 2000, maxMs: 600_000, qualityPrompts: 1000 },
} as const;
export const BenchMode = z.enum(['probe', 'quick', 'rapid', 'full']);
export type BenchMode = z.infer<typeof BenchMode>;

/** Interleaved pairs of two versions, so many or so long, in eight stretches; pictures to warm up in each. */
export const COMPARISON_MODES = {
  quick: { warmUp: 1, minPairs: 32, maxPairs: 128, maxMs: 20_000 },
  rapid: { warmUp: 2, minPairs: 64, maxPairs: 256, maxMs: 90_000 },
  full: { warmUp: 3, minPairs: 128, maxPairs: 1000, maxMs: 900_000 },
} as const;

/** One timed picture. Durations in milliseconds. */
export const BenchSample = z.looseObject({
  latencyMs: z.number().min(0),
  /** Stage → milliseconds: tokenize, encode, denoise (all steps), decode, png. */
  stagesMs: z.record(z.string(), z.number().min(0)),
});
export type BenchSample = z.infer<typeof BenchSample>;

/** A percentile is null where the run holds too few samples for it (statistics.ts, `percentile`). */
const Milliseconds = z.number().min(0);

export const BenchResult = z.looseObject({
  mode: BenchMode,
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  variant: z.string(),
  runtimeVersion: z.string().max(100),
  agentVersion: z.string().max(100),
  threads: z.int().min(1),
  steps: z.int().min(1),
  resolution: z.looseObject({ width: z.int(), height: z.int() }),
  /** From the start of the engine process until it can make pictures. */
  loadMs: Milliseconds,
  /**
   * Graphs that the runtime compiled within `loadMs`, and those that it took from the disk, where an earlier engine of the version
   * had left them: about twice as fast. Left out by a runtime that does not compile.
   */
  compiled: z.looseObject({ anew: z.int().min(0), fromCache: z.int().min(0) }).optional(),
  /** The first picture after the load. */
  coldLatencyMs: Milliseconds,
  latencyMsP50: Milliseconds,
  latencyMsP90: Milliseconds.nullable(),
  latencyMsP99: Milliseconds.nullable(),
  latencyMsMean: Milliseconds,
  latencyMsStdev: Milliseconds,
  /** Median of each stage. */
  stagesMsP50: z.record(z.string(), Milliseconds),
  /** Peak resident set of the engine process (VmHWM), and its anonymous part at the end (RssAnon). */
  peakRssBytes: z.int().min(0),
  anonymousBytes: z.int().min(0),
  /** Mapped files of the engine process at the end (RssFile): weights and libraries, which the kernel can take back. */
  mappedBytes: z.int().min(0).optional(),
  /** What the agent predicted before the engine started; and whether its parts were held one at a time. */
  predictedPeakBytes: z.int().min(0).optional(),
  partsInTurn: z.boolean().optional(),
  parameters: z.int().min(0),
  /** CPU time of the engine over the timed queries ÷ their wall time. */
  cpuShare: z.number().min(0),
  /** CPU time of the engine over the timed queries ÷ their number. */
  cpuMsPerPicture: Milliseconds.optional(),
  /** Of the processor package over the timed queries ÷ their number; null where the machine does not tell. */
  energyJoulesPerPicture: z.number().min(0).nullable().optional(),
  /** Median from the agent's request to the engine until the PNG was back with the agent. */
  roundTripMsP50: Milliseconds.optional(),
  /** Median of each denoising step. */
  stepsMsP50: z.array(Milliseconds).max(limits.steps).optional(),
  /** Lowest and highest clock of any core seen during the queries; null where the machine does not tell. */
  frequencyMhz: z.looseObject({ low: z.number(), high: z.number() }).nullable().optional(),
  /** A fixed piece of work, timed before, between and after the queries. */
  probesMs: z.array(Milliseconds).max(1000).optional(),
  /** How the runtime was built, and where the graphs' time goes, as far as it tells. */
  runtimeBuild: z.string().max(2000).optional(),
  cpuFeatures: z.array(z.string().max(32)).max(64).optional(),
  kernels: z
    .array(
      z.looseObject({
        graph: z.string().max(64),
        operator: z.string().max(64),
        kernel: z.string().max(64),
        share: z.number().min(0).max(1),
      }),
    )
    .max(64)
    .optional(),
  temperatureMaxCelsius: z.number().nullable(),
  /** Quality by the version's own evaluator; null when it has none. */
  quality: z
    .looseObject({
      score: z.number().min(0).max(5),
      interval: ScoreInterval.optional(),
      adherence: z.number().min(0).max(1),
      whole: z.number().min(0).max(1),
      /** Adherence of each evaluation picture, in the set's order. */
      pictures: z.array(z.number().min(0).max(1)).max(limits.evaluationPrompts),
      /** Of this device's pictures, to be held against the manifest's `evaluation.teacher` and `variants[].scores`. */
      artifacts: ArtifactMeans.nullish(),
      diversityLevels: z.number().min(0).optional(),
    })
    .nullable(),
  /** Empty when nothing disturbed the run; else each reason in words. */
  disturbances: z.array(z.string().max(300)).max(20),
  samples: z.array(BenchSample).max(limits.benchSamples),
  startedAtMs: z.int().min(0),
  endedAtMs: z.int().min(0),
});
export type BenchResult = z.infer<typeof BenchResult>;

const Side = z.looseObject({
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  variant: z.string(),
  runtimeVersion: z.string().max(100),
  latencyMsP50: Milliseconds,
  peakRssBytes: z.int().min(0),
});

/** Two versions on one device, picture by picture in turn. */
export const BenchComparison = z.looseObject({
  a: Side,
  b: Side,
  agentVersion: z.string().max(100),
  threads: z.int().min(1),
  /** Latencies of the same prompt and seed, [A, B]; in the even pairs A ran first, in the odd ones B. */
  pairsMs: z.array(z.tuple([Milliseconds, Milliseconds])).max(limits.benchSamples),
  probesMs: z.array(Milliseconds).max(1000),
  disturbances: z.array(z.string().max(300)).max(20),
  /** compare-latency.ts */
  verdict: z.looseObject({
    kind: z.enum(['b-faster', 'a-faster', 'equal', 'unknown']),
    /** Median of B ÷ A over the pairs, and its interval; null where there are too few. */
    ratio: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    confidence: z.number(),
    /** Why nothing can be said; empty otherwise. */
    reason: z.string().max(500),
  }),
  startedAtMs: z.int().min(0),
  endedAtMs: z.int().min(0),
});
export type BenchComparison = z.infer<typeof BenchComparison>;
