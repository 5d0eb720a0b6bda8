// How much memory an engine will take at its peak, before it is started: from what this device saw of the version, else
// from the size of its graphs. Constants were fitted on x86-64 (Node 24, ONNX Runtime 1.30, OpenVINO 2026.4) to engines of
// 0.1 to 86 million parameters; test/engine/memory.test.ts holds them to 15 %. What a large picture's layers take is not
// known before one was made, by the publisher or here.

export interface MemoryFacts {
  readonly runtime: 'onnxruntime' | 'openvino';
  /** Weights of all graphs together. */
  readonly parameters: number;
  /** Bytes of each component's folder (weights and graph). */
  readonly componentBytes: readonly number[];
  /** Of the graphs without their weights, where those stand apart (OpenVINO's .xml). */
  readonly graphBytes: number;
  /** Of files that hold nothing but weights (`.onnx_data`, `.bin`). */
  readonly weightBytes: number;
  /** Whether it paints latents, which a decoder makes a picture of. */
  readonly decodes: boolean;
  /** Peak that the publisher measured, on another machine and perhaps another host process. */
  readonly publishedPeakBytes: number;
  readonly observed: ObservedMemory | null;
}

/** What engines of the version took on this device. */
export interface ObservedMemory {
  /** Peak when it was loaded and had made nothing yet. */
  readonly loadedBytes: number;
  /** Peaks after pictures of so many pixels. */
  readonly peaks: readonly { readonly pixels: number; readonly bytes: number }[];
}

export interface MemoryPrediction {
  /** Every part loaded at once. */
  readonly togetherBytes: number;
  /** One part at a time: the process itself and the largest part. */
  readonly inTurnBytes: number;
}

const MB = 1e6;
/** What the first picture takes once, whatever its size: buffers, compiled code. Seen: 2.4 MB beside 1.7 kB a pixel. */
const FIRST_PICTURE_BYTES = 2 * MB;
const PROCESS_BYTES = {
  onnxruntime: 127 * MB,
  openvino: 180 * MB,
} as const;
/** Code and buffers of a decoder, beyond its weights. */
const DECODER_BYTES = 22 * MB;

/** @param pixels of the picture that will be asked for */
export function predictMemory(facts: MemoryFacts, pixels: number): MemoryPrediction {
  const processBytes = PROCESS_BYTES[facts.runtime] + (facts.decodes ? DECODER_BYTES : 0);
  const modelBytes = bytesOfModel(facts);
  const whole = sum(facts.componentBytes);
  const largestShare = whole === 0 ? 1 : Math.max(...facts.componentBytes) / whole;
  const togetherBytes = facts.observed
    ? scaled(facts.observed, pixels)
    : Math.max(processBytes + modelBytes, facts.publishedPeakBytes);
  return {
    togetherBytes: Math.round(togetherBytes),
    inTurnBytes: Math.round(Math.max(processBytes, togetherBytes - modelBytes * (1 - largestShare))),
  };
}

function bytesOfModel({ runtime, parameters, graphBytes, weightBytes, componentBytes }: MemoryFacts): number {
  switch (runtime) {
    case 'onnxruntime': {
      // Within the graph's file: 4 bytes as read, 4 as unpacked or converted, 4 in the blocked layout of the kernels.
      // Beside it they are mapped: between 4 (matrices) and 8 (convolutions) were seen.
      const beside = weightBytes / Math.max(1, sum(componentBytes));
      return parameters * (12.2 * (1 - beside) + 6.6 * beside);
    }
    case 'openvino':
      // Weights stay mapped and are repacked once; compiling takes memory for every node.
      return weightBytes + parameters * 4.2 + graphBytes * 30;
  }
}

/**
 * What a picture takes beyond the loaded graphs grows with its pixels; through two sizes that were seen goes a line, and
 * one that was seen is taken as it was.
 */
function scaled({ loadedBytes, peaks }: ObservedMemory, pixels: number): number {
  const smallest = Math.min(...peaks.map(({ bytes }) => bytes));
  const beforePixels = Math.max(loadedBytes, Math.min(loadedBytes + FIRST_PICTURE_BYTES, smallest));
  const points = [{ pixels: 0, bytes: beforePixels }, ...peaks].sort((a, b) => a.pixels - b.pixels);
  const above = Math.max(
    1,
    points.findIndex((point) => point.pixels >= pixels),
  );
  const [low, high] = pixels > (points.at(-1)?.pixels ?? 0) ? points.slice(-2) : points.slice(above - 1, above + 1);
  if (!low || !high) return loadedBytes;
  const slope = (high.bytes - low.bytes) / Math.max(1, high.pixels - low.pixels);
  return low.bytes + Math.max(0, slope) * (pixels - low.pixels);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
