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
  parameters: z.int().min(0),
  /** CPU time of the engine over the timed queries ÷ their wall time. */
  cpuShare: z.number().min(0),
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
