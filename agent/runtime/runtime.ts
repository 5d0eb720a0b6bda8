// What a pipeline knows of a runtime: load a graph, run it, close it. One file a runtime beside this one.

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

export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Blocks the thread while the graph runs. Every declared input must be fed. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
}

export interface Runtime {
  readonly name: 'onnxruntime' | 'openvino';
  readonly version: string;
  /** Reads a graph file (and the weight files beside it). Throws what the runtime throws; blocks the thread. */
  load(path: string, options: SessionOptions): Promise<Session>;
}
