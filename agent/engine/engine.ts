// What the agent knows of an engine: one child process per loaded version, reached only through this interface, so
// that loops, jobs and benches are the same over a real process and over a simulated one.
import type { Manifest, Variant } from '../../shared/manifest.ts';
import type { PromptCut } from '../../shared/prompt-cut.ts';
import type { AdapterFile } from '../pipeline/lora/with-adapters.ts';
import type { StageProgress } from '../pipeline/pipeline.ts';
import type { CompiledCount } from '../runtime/runtime.ts';

export { EngineFault, type EngineFaultCode } from '../pipeline/fault.ts';
export type { StageProgress };

/** What a child needs to know to load a variant. */
export interface LaunchSpec {
  readonly folder: string;
  readonly manifest: { readonly [field: string]: unknown; readonly evaluation?: Manifest['evaluation'] };
  readonly variant: Pick<
    Variant,
    | 'runtime'
    | 'precision'
    | 'inferencePrecision'
    | 'folder'
    | 'steps'
    | 'guidanceScale'
    | 'resolution'
    | 'tiled'
    | 'adapters'
  >;
  /** Where the runtime may keep what it compiles, from one engine to the next; left out: nowhere. */
  readonly compiledFolder?: string;
}

export interface EngineSpec extends LaunchSpec {
  readonly versionDigest: string;
  readonly manifest: Manifest;
  readonly variant: Variant;
  /** Absolute folder in which every artifact of the variant stands under its manifest path. */
  readonly folder: string;
}

export interface GenerateRequest {
  readonly prompt: string;
  readonly seed: number;
  /** What is left out takes the variant's default. */
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly width?: number;
  readonly height?: number;
  readonly scheduler?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly tiled?: boolean | undefined;
  readonly image?: Uint8Array | undefined;
  readonly mask?: Uint8Array | undefined;
  readonly strength?: number | undefined;
  /** Nothing that was remembered from before may help: a measurement. */
  readonly fresh?: boolean;
  /** Put small pictures into the progress. */
  readonly previews?: boolean | undefined;
  /** There is memory for what the runtime compiled for the size before, beside what this picture needs. */
  readonly keepSizes?: boolean;
}

export interface GeneratedPicture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly seed: number;
  /** Pictures of the run that it was made in, where they were several; their times are the run's. */
  readonly batch?: number;
  /** From the request's arrival in the child until the PNG was complete. */
  readonly latencyMs: number;
  /** Milliseconds of each stage. */
  readonly stagesMs: Readonly<Record<string, number>>;
  /** Milliseconds of each denoising step. */
  readonly stepsMs: readonly number[];
  /** Text encodings that were remembered instead of computed. */
  readonly embeddingsReused: number;
  /** Decoded in tiles. */
  readonly tiled?: boolean;
  /** Words of the prompt that the tokenizer does not know. */
  readonly unknownWords: readonly string[];
  /** Ends of the prompts that the text encoders did not read. */
  readonly promptCuts: readonly PromptCut[];
  /** Where a negative prompt was given and not read: the guidance up to which that is so. */
  readonly negativeUnreadUpTo?: number;
}

/** An engine, and a picture that it has made. */
export interface Painted {
  readonly spec: EngineSpec;
  readonly engine: Engine;
  readonly made: Pick<GeneratedPicture, 'width' | 'height' | 'tiled'>;
}

export interface EngineResources {
  readonly rssBytes: number;
  /** VmHWM since the process started. */
  readonly peakRssBytes: number;
  /** RssAnon. */
  readonly anonymousBytes: number;
  /** RssFile: pages of mapped files, weights and libraries; the kernel can take them back. */
  readonly mappedBytes: number;
  /** User and system time since the start. */
  readonly cpuMs: number;
}

/** How the engine's runtime was built, and which of its kernels the graphs' time goes to. */
export interface RuntimeDescription {
  readonly build: string;
  /** Empty where the runtime does not tell. */
  readonly kernels: readonly KernelShare[];
}

export interface KernelShare {
  /** The component's folder, such as `unet`. */
  readonly graph: string;
  readonly operator: string;
  readonly kernel: string;
  /** Of the graph's time, 0–1. */
  readonly share: number;
}

export interface EngineExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** close() or an aborted request asked for the end. */
  readonly expected: boolean;
  /** Why it was killed although nobody asked for its end: it hung. Null where it ended by itself, or was asked to. */
  readonly killedFor: string | null;
}

export interface Engine {
  readonly pid: number;
  /** From the start of the process until it could make pictures. */
  readonly loadMs: number;
  readonly runtimeVersion: string;
  readonly threads: number;
  /** What its runtime compiled while it was loaded; null for one that does not compile. */
  readonly compiled: CompiledCount | null;
  /** Peak resident set when it was loaded. */
  readonly loadedBytes: number;
  /** What was predicted for its first picture; null where nobody asked. */
  readonly predictedPeakBytes: number | null;
  /** Parts are held one at a time, because they do not fit together. */
  readonly inTurn: boolean;
  /**
   * Makes one picture; requests wait in line, one runs at a time. When `signal` aborts, the engine stops
   * between two steps, or is killed if it does not do so in time.
   *
   * @throws EngineFault
   */
  generate(request: GenerateRequest, options?: GenerateHooks): Promise<GeneratedPicture>;
  /** Runs the version's evaluator over a PNG: head → label found. Throws EngineFault `no_evaluator` without one. */
  evaluate(png: Uint8Array, signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Drops what `keepSizes` left beside the size painted last; resolves when its memory is free. */
  makeWay(): Promise<void>;
  /** Runs graphs once more, so it belongs behind whatever is timed. */
  describe(signal?: AbortSignal): Promise<RuntimeDescription>;
  resources(): Promise<EngineResources>;
  /** Asks the child to end; kills it when it has not ended in time. Resolves when it is gone. */
  close(): Promise<void>;
  readonly exited: Promise<EngineExit>;
}

/** An engine of this machine's own, as `still run` has it. */
export interface ProcessEngine extends Engine {
  /**
   * As `generate`, several pictures in one run of the graphs, of seeds one after the other.
   *
   * @throws EngineFault
   */
  generateBatch(
    request: GenerateRequest & { readonly batch: number },
    options?: GenerateHooks,
  ): Promise<readonly GeneratedPicture[]>;
}

export interface GenerateHooks {
  readonly onProgress?: (progress: StageProgress) => void;
  readonly signal?: AbortSignal;
}

export interface LaunchOptions {
  readonly signal?: AbortSignal;
  readonly threads?: number;
  /** As SessionOptions; 1 unless said otherwise. */
  readonly streams?: number;
  readonly inTurn?: boolean;
  /** Merged into the graphs as they are loaded, beside the variant's own. */
  readonly adapters?: readonly AdapterFile[];
  readonly predictedPeakBytes?: number;
}

export interface EngineLauncher {
  /** Starts a child and loads the variant. @throws EngineFault */
  launch(spec: EngineSpec, options?: LaunchOptions): Promise<Engine>;
}
