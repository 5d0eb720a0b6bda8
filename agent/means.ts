// What steps and jobs work with, handed in once by main.ts; a test or a simulation hands in others.
import type { BenchComparison, BenchResult } from '../shared/bench.ts';
import type { Clock, Randomness } from '../shared/clock.ts';
import type { Processor } from '../shared/instruction-set.ts';
import type { Progress, ShadowComparison } from '../shared/messages.ts';
import type { Engine, EngineResources, EngineSpec } from './engine/engine.ts';
import type { BenchOptions } from './measure/bench.ts';
import type { ComparisonOptions } from './measure/compare.ts';
import type { ResidentEngines } from './resident-engines.ts';
import type { Store } from './store/open-store.ts';
import type { ServerAccess } from './transfer/ask-server.ts';

/** The measuring room, loaded when something is measured for the first time. */
export interface Measure {
  runBench(options: BenchOptions): Promise<BenchResult>;
  /** Two versions in turn. */
  runComparison(options: ComparisonOptions): Promise<BenchComparison>;
  checkGolden(
    engine: Engine,
    spec: EngineSpec,
    signal?: AbortSignal,
  ): Promise<
    | { readonly kind: 'equal'; readonly worstMeanAbsoluteDifference: number }
    | { readonly kind: 'different'; readonly message: string }
  >;
  /** What two pictures of the same request have in common, by the evaluator of the shadow's version. */
  compareShadow(shadow: {
    readonly engine: Engine;
    readonly spec: EngineSpec;
    readonly prompt: string;
    /** The picture that was returned, and the shadow's. */
    readonly pngs: readonly [Uint8Array, Uint8Array];
  }): Promise<Pick<ShadowComparison, 'meanAbsoluteDifference' | 'sameLabels' | 'adherence'>>;
  /** Resident set of the agent itself. */
  ownRssBytes(): number;
  readHost(): Promise<{
    readonly memoryAvailableBytes: number;
    readonly load1: number;
    readonly temperatureCelsius: number | null;
    readonly throttledFlags: number | null;
  }>;
  readProcess(pid: number): Promise<EngineResources>;
  installedRuntimes(): Promise<readonly { readonly runtime: 'onnxruntime' | 'openvino'; readonly version: string }[]>;
  diskFree(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}

export interface Means {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly access: ServerAccess;
  readonly engines: ResidentEngines;
  readonly measure: Measure;
  readonly agentVersion: string;
  readonly processor: () => Promise<Processor>;
  /** Of all downloads together; Infinity without a limit. */
  readonly downloadBytesPerSecond: number;
  readonly log: (line: string) => void;
  /** Tells the server how far something is; best effort. */
  readonly progress: (of: Progress['of']) => void;
}
