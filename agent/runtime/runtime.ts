// What a pipeline knows of a runtime: load a graph, run it, close it. One file a runtime beside this one.
import type { InferencePrecision } from '../../shared/manifest.ts';

export type TensorData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint16Array
  | Uint8Array
  | Int8Array;

/** Element types as ONNX names them; `float16` data are raw bits in a Uint16Array. */
export type ElementType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'uint8' | 'int8' | 'bool';

export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** An input or output as the graph declares it; a free dimension is a name. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly (number | string)[];
}

/** Where the time of one run went. */
export interface KernelTime {
  /** The runtime's own name of the implementation: `brgconv_avx512_f32`, `gemm_acl_f32`, `ref_any_f16`. */
  readonly kernel: string;
  /** What it does: `Convolution`, `FullyConnected`. */
  readonly operator: string;
  readonly ms: number;
}

export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Every declared input must be fed. A runtime without `interrupt` blocks the thread while the graph runs. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  close(): Promise<void>;
  /** Runs once more to see which kernels it takes, where the runtime tells; empty before the first run. */
  kernels?(): Promise<readonly KernelTime[]>;
}

/** What to load in place of a graph's files. */
export interface MergedWeights {
  readonly graph: Uint8Array;
  /** By their names beside the graph. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export interface SessionOptions {
  readonly threads: number;
  /** Pictures of a batch, or the two of guidance, that are computed at once, each by its share of the threads (OpenVINO); 1 unless said otherwise. */
  readonly streams?: number;
  /** What is computed in, whatever the weights are stored in; f32 unless said otherwise. */
  readonly precision?: InferencePrecision;
  /** Keep no second form of the weights that is faster to compute with; the last bits of results may differ. */
  readonly lean?: boolean;
  /** Keep what a run freed for the next one: worth it for small graphs of one size (ONNX Runtime). */
  readonly keepFreed?: boolean;
  /** Inputs that are fed fractions; a graph that was exported with whole numbers there takes them, where it can (OpenVINO). */
  readonly real?: readonly string[];
  readonly merged?: MergedWeights;
  /** Folder in which compiled forms are kept from one engine to the next (OpenVINO); null or left out: they are not. */
  readonly compiledFolder?: string | null;
}

/** Forms that were made ready since the process started. */
export interface CompiledCount {
  readonly anew: number;
  /** Taken from the disk, where an earlier engine had left them. */
  readonly fromCache: number;
}

export interface Runtime {
  readonly name: 'onnxruntime' | 'openvino';
  readonly version: string;
  /** The graph's file in a component's folder, as the exporters name it. */
  readonly graphFile: 'model.onnx' | 'openvino_model.xml';
  /** How the library was built, in its own words. */
  build(): Promise<string>;
  /** Reads a graph file (and the weight files beside it). Throws what the runtime throws; blocks the thread. */
  load(path: string, options: SessionOptions): Promise<Session>;
  /**
   * Another picture begins. Left out by a runtime that keeps nothing.
   *
   * @param keepSizes whether what was made ready for the size before may stay beside what this one needs
   */
  begin?(keepSizes: boolean): void;
  /** Drops what neither this picture nor the last one needed. Left out by a runtime that keeps nothing. */
  makeWay?(): void;
  /** Breaks off whatever runs now; its `run` throws. Left out by a runtime that cannot. */
  interrupt?(): void;
  /**
   * Until `work` is done, graphs are only made ready for the sizes that they are fed, and give zeros. Left out by a runtime whose
   * graphs are ready when they are loaded.
   */
  prepare?(work: () => Promise<void>): Promise<void>;
  /** Left out by a runtime that does not compile. */
  compiled?(): CompiledCount;
}
