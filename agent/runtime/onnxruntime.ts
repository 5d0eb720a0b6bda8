// ONNX Runtime on the CPU. Loaded in the engine's child process only: create() and run() block the thread for as long
// as they take, and ending a worker thread during run() aborts the whole process.
import * as ort from 'onnxruntime-node';
import type { MergedWeights, Runtime, Session, SessionOptions, Tensor, TensorInfo } from './runtime.ts';

export const onnxRuntime: Runtime = {
  name: 'onnxruntime',
  version: ort.env.versions.node ?? 'unknown',
  graphFile: 'model.onnx',
  load: openSession,
  build: async () => (await import('./onnxruntime-build.ts')).onnxRuntimeBuild(),
};

async function openSession(
  path: string,
  { threads, lean = false, keepFreed = false, merged }: SessionOptions,
): Promise<Session> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    // The last level lays weights of convolutions out anew: 991 MB instead of 660 for a part of 40 million of them.
    graphOptimizationLevel: lean ? 'extended' : 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // It grows by doubling and gives nothing back: 1,601 instead of 938 MB for a picture of 768x768.
    enableCpuMemArena: keepFreed,
    logSeverityLevel: 3,
    // Values must be strings. Threads wait awake for 20 µs between two operators of a run, and never between two runs.
    extra: { session: { force_spinning_stop: '1', intra_op: { spin_duration_us: '20' } } },
    ...(merged && { externalData: merged.external }),
  };
  const session = await (merged
    ? ort.InferenceSession.create(merged.graph, options)
    : ort.InferenceSession.create(path, options));
  if (merged) giveBack(merged);
  return {
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
    async run(feeds) {
      const tensors: Record<string, ort.Tensor> = {};
      for (const [name, { type, data, dims }] of Object.entries(feeds)) tensors[name] = tensorOf(type, data, dims);
      return (await session.run(tensors)) as unknown as Record<string, Tensor>;
    },
    close: () => session.release(),
  };
}

/** The session has copies of its own, and the garbage collector sees a few bytes where gigabytes lie. */
function giveBack({ graph, external }: MergedWeights): void {
  for (const { buffer } of [graph, ...external.map(({ data }) => data)])
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/**
 * Where Node has a Float16Array the package puts halves into one, whose bytes its native side cannot find ("not enough space:
 * expected 8, got 0"): they are handed over as they are.
 */
function tensorOf(type: Tensor['type'], data: Tensor['data'], dims: readonly number[]): ort.Tensor {
  const tensor = new ort.Tensor(type, data, dims);
  if (type === 'float16') Object.defineProperty(tensor, 'data', { value: data });
  return tensor;
}

function describe(metadata: ort.InferenceSession.ValueMetadata): TensorInfo {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, dims: metadata.shape }
    : { name: metadata.name, type: 'not a tensor', dims: [] };
}
