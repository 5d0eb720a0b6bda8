// How much memory an engine will take at its peak, before it is started: from what this device saw of the version, else
// from the size of its graphs and the shape of its networks. Constants were fitted on x86-64 (Node 24, ONNX Runtime 1.30,
// OpenVINO 2026.4) to engines of 0.1 to 158 million parameters, one of them of Stable Diffusion's shape for pictures of 128 to
// 512 pixels and batches of up to 8; test/engine/memory.test.ts holds them to 15 %.

import {
  bytesByStage,
  bytesOfEncoding,
  bytesOfPictures,
  type Computed,
  edgePixels,
  type NetworkShape,
  type PictureSize,
  type Stage,
} from './picture-bytes.ts';

export interface MemoryFacts extends Computed {
  /** Weights of all graphs together. */
  readonly parameters: number;
  readonly components: readonly MemoryComponent[];
  /** Of the graphs without their weights, where those stand apart (OpenVINO's .xml). */
  readonly graphBytes: number;
  /** Of files that hold nothing but weights (`.onnx_data`, `.bin`). */
  readonly weightBytes: number;
  /** Whether it paints latents, which a decoder makes a picture of. */
  readonly decodes: boolean;
  /** Peak that the publisher measured, on another machine and perhaps another host process. */
  readonly publishedPeakBytes: number;
  readonly observed: ObservedMemory | null;
  /** Null where the folder does not say it: what a picture takes is left out then. */
  readonly shape: NetworkShape | null;
  /** Of the graph that reads a picture, loaded with the first request that has one; nothing where there is none. */
  readonly encoder: { readonly graphBytes: number; readonly weightBytes: number };
  /** Bytes of the graphs that LoRA adapters are merged into, and of the weights beside them. */
  readonly adapted: { readonly graphBytes: number; readonly weightBytes: number };
}

/** A graph, or a part of one that was cut. */
export interface MemoryComponent {
  /** Of a picture, which it is run in. */
  readonly stage: Stage;
  /** Weights and graph. */
  readonly bytes: number;
  /** Of them the graph, where its weights stand apart (OpenVINO's .xml), and those weights. */
  readonly graphBytes: number;
  readonly weightBytes: number;
  /** Whether it is a part of a graph and others come after it. */
  readonly followed: boolean;
}

interface ModelBytes {
  readonly loadingBytes: number;
  readonly heldBytes: number;
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
  onnxruntime: 120 * MB,
  openvino: 142 * MB,
} as const;
/** Of each byte of an .xml: compiling takes memory for every node. Tiny graphs and those of 2 to 4 MB agree. */
const COMPILED_GRAPH = 40;
/** Code and buffers of a decoder, beyond its weights. */
const DECODER_BYTES = 8 * MB;
/**
 * Of the bytes of graphs that adapters are merged into, while ONNX Runtime loads them: it copies what it is given. Once loaded
 * they take what they take anyhow, and OpenVINO takes the changed weights in the place of those that it would map.
 */
const ADAPTED = { graph: 0.66, weights: 1.5, garbage: 0.3, mostGarbageBytes: 27e6 } as const;
/** Of the bytes of weights in fewer than 32 bits, while ONNX Runtime loads them. */
const CONVERTED = 1.3;
/**
 * Bytes for each parameter of the largest graph of a pipeline of latents, while such weights become float32. Halves beside a graph
 * go one after the other, those within its file stay until all are read, and convolutions' stay beside what is laid out of them.
 */
const CONVERTING = { unknown: 2, beside: 0.3, within: 2.5, convolved: 4, bytes: 4.6 } as const;

/**
 * Bytes for each parameter on OpenVINO, computed in f32 or in 16 bits. Convolutions' weights of 8 bits it unpacks to f32, which
 * stay beside what is laid out of them (for each weight of 3x3, those of 1x1 counted with them). `bytes` are those of Stable
 * Diffusion's U-Net, where networks are not known.
 */
const REPACKED = {
  wider: { f32: 4.2, narrow: 2.5 },
  convolved: { f32: 7.6, narrow: 6 },
  bytes: { f32: 5.05, narrow: 4.05 },
} as const;
/** Of each stored byte of matrices in 8 bits and fewer, with which it multiplies as they are. */
const KEPT_IN_BYTES = 1.05;

export function predictMemory(facts: MemoryFacts, size: PictureSize): MemoryPrediction {
  const processBytes = PROCESS_BYTES[facts.runtime] + (facts.decodes ? DECODER_BYTES : 0);
  const { loadingBytes, heldBytes } = bytesOfModel(facts);
  const paintedBytes = facts.shape ? bytesOfPictures(facts.shape, facts, size) + bytesOfEdgeForm(facts, size) : 0;
  // A publisher whose processor does not compute in 16 bits measured the same graphs in f32.
  const publishedBytes = facts.inferencePrecision === 'f32' ? facts.publishedPeakBytes : 0;
  const togetherBytes = facts.observed
    ? seenBytes(facts, facts.observed, size)
    : Math.max(processBytes + loadingBytes, processBytes + heldBytes + paintedBytes, publishedBytes);
  const largestBytes = Math.max(0, ...facts.components.map((component) => bytesInTurn(facts, component, size)));
  return {
    togetherBytes: Math.round(togetherBytes + bytesOfForms(facts, size.besidePixels) + bytesOfImage(facts, size)),
    inTurnBytes: Math.round(PROCESS_BYTES[facts.runtime] + largestBytes),
  };
}

/** Of one component by itself: while it is loaded, then while it runs. Those of a picture's values that wait are small. */
function bytesInTurn(facts: MemoryFacts, component: MemoryComponent, size: PictureSize): number {
  const { shape } = facts;
  const { stage, followed } = component;
  const { loadingBytes, heldBytes } = bytesOfComponent(facts, component);
  const decoderBytes = stage === 'decode' ? DECODER_BYTES + bytesOfEdgeForm(facts, size) : 0;
  if (!shape) return Math.max(loadingBytes, heldBytes) + decoderBytes;
  const { [stage]: paintedBytes } = bytesByStage(shape, facts, { ...size, inTurn: true, followed });
  // A denoiser's parts are loaded in the midst of a picture, whose values wait meanwhile.
  return shape.cut && stage === 'denoise'
    ? loadingBytes + paintedBytes
    : Math.max(loadingBytes, heldBytes + paintedBytes) + decoderBytes;
}

/** Of one of the graphs, none of which is beside. */
function bytesOfComponent(facts: MemoryFacts, component: MemoryComponent): ModelBytes {
  const { bytes, graphBytes, weightBytes } = component;
  const { adapted } = facts;
  const share = bytes / Math.max(1, sum(facts.components.map((each) => each.bytes)));
  return bytesOfModel({
    ...{ ...facts, components: [component], graphBytes, weightBytes },
    parameters: facts.runtime === 'openvino' ? parametersOf(facts, weightBytes) : facts.parameters * share,
    adapted: { graphBytes: adapted.graphBytes * share, weightBytes: adapted.weightBytes * share },
  });
}

/** Of a graph whose weights stand beside it. */
const parametersOf = (facts: MemoryFacts, weightBytes: number): number =>
  facts.parameters * (weightBytes / Math.max(1, facts.weightBytes));

/**
 * Of the form that OpenVINO compiles of a decoder for the tiles at a picture's edge: weights laid out once more. It knows of up
 * to four sizes, and two forms stay beside each other.
 */
function bytesOfEdgeForm(facts: MemoryFacts, size: PictureSize): number {
  const decoder = facts.components.find(({ stage }) => stage === 'decode');
  if (!decoder || !hasEdgeForm(facts, size)) return 0;
  return bytesOfComponent(facts, decoder).heldBytes - decoder.weightBytes;
}

const hasEdgeForm = ({ runtime, shape }: MemoryFacts, size: PictureSize): boolean =>
  runtime === 'openvino' && shape !== null && edgePixels(shape, size) > 0;

/** Of the graphs, adapters merged, while they are read and prepared, and when they are. */
function bytesOfModel(facts: MemoryFacts): ModelBytes {
  const { loadingBytes, heldBytes } = bytesOfGraphs(facts);
  const { graphBytes, weightBytes } = facts.adapted;
  if (facts.runtime === 'openvino' || graphBytes + weightBytes === 0) return { loadingBytes, heldBytes };
  const garbageBytes = Math.min(ADAPTED.mostGarbageBytes, (graphBytes + weightBytes) * ADAPTED.garbage);
  const mergingBytes = graphBytes * ADAPTED.graph + weightBytes * ADAPTED.weights + garbageBytes;
  return { loadingBytes: loadingBytes + mergingBytes, heldBytes };
}

function bytesOfGraphs(facts: MemoryFacts): ModelBytes {
  const { runtime, parameters, graphBytes, weightBytes, components, decodes } = facts;
  switch (runtime) {
    case 'onnxruntime': {
      const wholeBytes = Math.max(1, sum(components.map(({ bytes }) => bytes)));
      if (decodes && wholeBytes < 3 * parameters) {
        const heldBytes = parameters * 4.1;
        const largest = components.reduce((most, each) => (each.bytes > most.bytes ? each : most));
        const largestParameters = parameters * (largest.bytes / wholeBytes);
        const inBytes = wholeBytes < 1.5 * parameters;
        const convertingBytes = inBytes
          ? largestParameters * CONVERTING.bytes
          : bytesOfHalves(facts, largest, largestParameters);
        return { loadingBytes: heldBytes + convertingBytes, heldBytes };
      }
      // Within the graph's file: as read, and as unpacked or converted, and what is being laid out anew for the kernels. Beside
      // it they are read one by one; convolutions of a fixed size are laid out anew, those of the pipelines of latents are not.
      const besideParameters = parameters * (weightBytes / wholeBytes);
      const besideBytes = besideParameters * (decodes ? 4.1 : 5.3);
      // Weights of fewer bits are read beside what they are converted to.
      const convertedBytes = weightBytes < 3 * besideParameters ? weightBytes * CONVERTED : 0;
      const within = parameters - besideParameters;
      return { loadingBytes: within * 9.2 + besideBytes + convertedBytes, heldBytes: parameters * 4.1 };
    }
    case 'openvino': {
      // Weights stay mapped and are repacked once, as they are computed with.
      const bytes = weightBytes + bytesRepacked(facts) + graphBytes * COMPILED_GRAPH;
      return { loadingBytes: bytes, heldBytes: bytes };
    }
  }
}

/** By OpenVINO, of the weights of all components. */
function bytesRepacked(facts: MemoryFacts): number {
  const { inferencePrecision, parameters, weightBytes, components, shape } = facts;
  const width = inferencePrecision === 'f32' ? 'f32' : 'narrow';
  if (weightBytes >= 1.5 * parameters) return parameters * REPACKED.wider[width];
  if (!shape?.multipliesBytes) return parameters * REPACKED.bytes[width];
  const convolved = sum(
    components.map((each) => convolvedOf(shape, each.stage, parametersOf(facts, each.weightBytes))),
  );
  const keptBytes = weightBytes * (1 - convolved / Math.max(1, parameters));
  return convolved * REPACKED.convolved[width] + keptBytes * KEPT_IN_BYTES;
}

/** Of one graph's parameters, while they become float32. */
function bytesOfHalves({ shape }: MemoryFacts, graph: MemoryComponent, parameters: number): number {
  if (!shape) return parameters * CONVERTING.unknown;
  // Graphs that were cut keep the layout they have.
  const convolved = shape.cut && graph.stage === 'denoise' ? 0 : convolvedOf(shape, graph.stage, parameters);
  const beside = graph.weightBytes / graph.bytes;
  const halvesBytes = parameters * (beside * CONVERTING.beside + (1 - beside) * CONVERTING.within);
  return halvesBytes + convolved * CONVERTING.convolved;
}

/** Of a graph's parameters, those of convolutions: all that a decoder has. */
const convolvedOf = (shape: NetworkShape, stage: Stage, parameters: number): number =>
  Math.min(parameters, { encode: 0, denoise: shape.convolved, decode: parameters }[stage]);

/**
 * Of the encoder that OpenVINO keeps beside the other graphs, where nothing was seen yet. ONNX Runtime gives back what it ran in,
 * and one part at a time takes no more for it: the denoiser is larger.
 */
function bytesOfImage(facts: MemoryFacts, size: PictureSize): number {
  if (!size.image || facts.runtime !== 'openvino' || facts.observed) return 0;
  const { encoder } = facts;
  const parameters = parametersOf(facts, encoder.weightBytes);
  // Like a decoder it does nothing but convolve.
  const component: MemoryComponent = { stage: 'decode', bytes: 0, ...encoder, followed: false };
  const { heldBytes } = bytesOfGraphs({ ...facts, ...encoder, parameters, components: [component] });
  const edgeBytes = hasEdgeForm(facts, size) ? heldBytes - encoder.weightBytes : 0;
  return heldBytes + edgeBytes + (facts.shape ? bytesOfEncoding(facts.shape, facts, size) : 0);
}

/**
 * Of the forms of a second size: weights laid out once more, and what layers hold between each other. Text encoders, which have
 * one form for all sizes, are not told apart and count, too.
 */
function bytesOfForms(facts: MemoryFacts, pixels: number | undefined): number {
  if (pixels === undefined || facts.runtime !== 'openvino') return 0;
  const laidOutBytes = bytesOfModel(facts).loadingBytes - facts.weightBytes;
  return laidOutBytes + (facts.shape ? bytesOfPictures(facts.shape, facts, { pixels }) : 0);
}

/** Beyond what was seen a picture grows as its networks say, whose attention is no line; where they are not known, as one. */
function seenBytes(facts: MemoryFacts, observed: ObservedMemory, size: PictureSize): number {
  const { shape } = facts;
  const largest = observed.peaks.reduce((most, peak) => (peak.pixels > most.pixels ? peak : most));
  if (!shape || size.pixels <= largest.pixels) return scaled(observed, size.pixels);
  const [more, less] = [size.pixels, largest.pixels].map((pixels) => {
    const sized = { ...size, pixels };
    return bytesOfPictures(shape, facts, sized) + bytesOfEdgeForm(facts, sized);
  }) as [number, number];
  return largest.bytes + more - less;
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
