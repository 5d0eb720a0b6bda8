// A graph compiled for one set of input sizes, with a request whose tensors are filled and read in place.
import type { Tensor } from '../runtime.ts';
import { holderOf, typeName } from './element-types.ts';
import { CANCELED, type Library, type NodeProfile, type Pointer } from './library.ts';

export interface Port {
  readonly name: string;
  /** ov_element_type_e. */
  readonly type: number;
  /** −1 stands for a free dimension. */
  readonly dims: readonly number[];
}

export interface CompiledGraph {
  /** Taken from OpenVINO's CACHE_DIR, not compiled. */
  readonly isFromCache: boolean;
  /** As many at once as there are requests. @throws Error `broken off` when `cancel` was called meanwhile */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Of each output, in the graph's order; one that only a run decides has a 0 in it. */
  outputDims(): number[][];
  /** Breaks off what runs; harmless when nothing does. */
  cancel(): void;
  /** What each node of the last run cost; needs PERF_COUNT. */
  profile(): NodeProfile[];
  close(): void;
}

type TensorView = { readonly tensor: Pointer; readonly bytes: Uint8Array };

interface Ports {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Dims of each input, in the graph's order. */
  readonly sizes: readonly number[][];
}

/** @param requests that may run at once */
export function createCompiledGraph(
  library: Library,
  compiled: Pointer,
  { requests: count, ...ports }: Ports & { readonly requests: number },
): CompiledGraph {
  const requests = Array.from({ length: count }, () => createRequest(library, compiled, ports));
  const first = requests[0] as Request;
  return {
    isFromCache: library.isFromCache(compiled),
    async run(feeds) {
      const idle = requests.find((request) => !request.isRunning());
      if (!idle) throw new Error(`more than ${count} runs at once`);
      return idle.run(feeds);
    },
    outputDims: () => first.outputDims(),
    cancel() {
      for (const request of requests) request.cancel();
    },
    profile: () => first.profile(),
    close() {
      for (const request of requests) request.close();
      library.freeCompiled(compiled);
    },
  };
}

type Request = Omit<CompiledGraph, 'isFromCache'> & { isRunning(): boolean };

function createRequest(library: Library, compiled: Pointer, ports: Ports): Request {
  const request = library.createRequest(compiled);
  const inputs = ports.inputs.map(({ type }, i): TensorView => {
    const tensor = library.createTensor(type, ports.sizes[i] as number[]);
    library.setInput(request, i, tensor);
    return { tensor, bytes: new Uint8Array(library.tensorView(tensor, library.tensorData(tensor))) };
  });
  let running = false;
  return {
    isRunning: () => running,
    async run(feeds) {
      ports.inputs.forEach(({ name }, i) => {
        fill(inputs[i] as TensorView, feeds[name] as Tensor);
      });
      running = true;
      const status = await library.infer(request).finally(() => {
        running = false;
      });
      if (status === CANCELED) throw new Error('the inference was broken off');
      library.check('ov_infer_request_wait', status);
      return Object.fromEntries(ports.outputs.map((port, i) => [port.name, readOutput(library, request, port, i)]));
    },
    outputDims: () => ports.outputs.map((_, i) => outputDims(library, request, i)),
    cancel() {
      if (running) library.cancel(request);
    },
    profile: () => library.profile(request),
    close() {
      library.freeRequest(request);
      for (const { tensor } of inputs) library.freeTensor(tensor);
    },
  };
}

function fill({ bytes }: TensorView, { data }: Tensor): void {
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function outputDims(library: Library, request: Pointer, index: number): number[] {
  const tensor = library.outputTensor(request, index);
  try {
    return library.tensorDims(tensor);
  } finally {
    library.freeTensor(tensor);
  }
}

/** A copy: the request's own memory is written again by the next run. */
function readOutput(library: Library, request: Pointer, { type }: Port, index: number): Tensor {
  const tensor = library.outputTensor(request, index);
  try {
    const Holder = holderOf(type);
    const dims = library.tensorDims(tensor);
    const memory = dims.includes(0) ? new ArrayBuffer(0) : library.tensorView(tensor, library.tensorData(tensor));
    return { type: typeName(type) as Tensor['type'], dims, data: new Holder(memory.slice(0)) };
  } finally {
    library.freeTensor(tensor);
  }
}
