// How much memory an engine will take at its peak, before it is started: from what this device saw of the version, else
// from the size of its graphs and the shape of its networks. Constants were fitted on x86-64 (Node 24, ONNX Runtime 1.30,
// OpenVINO 2026.4) to engines of 0.1 to 86 million parameters, one of them of Stable Diffusion's shape for pictures of 128 to
// 512 pixels and batches of up to 8; test/engine/memory.test.ts holds them to 15 %.

import type { InferencePrecision } from '../../shared/manifest.ts';

export interface MemoryFacts {
  readonly runtime: 'onnxruntime' | 'openvino';
  readonly inferencePrecision: InferencePrecision;
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
  /** Bytes of the graphs that LoRA adapters are merged into, and of the weights beside them. */
  readonly adapted: { readonly graphBytes: number; readonly weightBytes: number };
}

/** A graph, or a part of one that was cut. */
export interface MemoryComponent {
  /** Of a picture, which it is run in. */
  readonly stage: 'encode' | 'denoise' | 'decode';
  /** Weights and graph. */
  readonly bytes: number;
}

/** What of the networks a picture's memory follows from: how many tokens attend to each other, how wide the layers are. */
export interface NetworkShape {
  readonly denoiser: 'unet' | 'transformer' | 'flux' | 'z-image';
  /** Of the layers that attend first, where there are most tokens. */
  readonly heads: number;
  /** Pixels a side for each token. */
  readonly tokenSide: number;
  /** What attention holds of its scores, in the denoiser and in the decoder. */
  readonly scores: ScoresKept;
  readonly decoderScores: ScoresKept;
  /** Tokens of text that attend among those of the picture. */
  readonly words: number;
  /** Of a U-Net's first layers, or of a transformer's tokens. */
  readonly channels: number;
  /** The scores of the text encoder that reads most words: heads · words². */
  readonly textScores: number;
  /** Pixels a side for each latent. */
  readonly latentSide: number;
  /** Of the last layers, those of the full size. */
  readonly decoderChannels: number;
  /** Whether latents attend to each other in the decoder; those of a small one do not. */
  readonly decoderAttends: boolean;
  /** Of a tile's side, where a picture is taken in tiles. */
  readonly tilePixels: number;
  /** Whether the denoiser was cut into parts, each of which holds its own layers' values alone. */
  readonly cut: boolean;
}

type Computed = Pick<MemoryFacts, 'runtime' | 'inferencePrecision'>;

/** All as written out in operators, each once within one operator, or none of them. */
export type ScoresKept = 'several times' | 'once' | 'none';

interface ModelBytes {
  readonly loadingBytes: number;
  readonly heldBytes: number;
}

/** What is asked for, and what stays beside it. */
export interface PictureSize {
  readonly pixels: number;
  /** Pictures of one run. */
  readonly batch?: number;
  readonly tiled?: boolean;
  /** Pixels of another size whose compiled forms stay in memory beside (OpenVINO). */
  readonly besidePixels?: number;
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
  openvino: 160 * MB,
} as const;
/** Code and buffers of a decoder, beyond its weights. */
const DECODER_BYTES = 8 * MB;
/**
 * How many times the scores of attention (heads · tokens², float32) are held at once where they are written out: before and
 * after their softmax. Z-Image's are masked, which takes a copy.
 */
const SCORES_HELD = { unet: 2.1, transformer: 2.1, flux: 2.1, 'z-image': 3, decoder: 2 } as const;
/** Of ONNX Runtime's own operator, where it does not compute them piece by piece. */
const WITHIN_OPERATOR = 1.1;
/** Of a text encoder, whose scores are masked or added to, whatever the runtime. */
const TEXT_SCORES_HELD = { onnxruntime: 3.5, openvino: 1.2 } as const;
/**
 * Of the other layers: bytes for each channel and latent of a U-Net, or token of a transformer, or pixel of a decoder. What
 * places take (Flux's and Z-Image's are turned in every layer) OpenVINO holds several times; for ONNX Runtime each token takes
 * something whatever its width.
 */
const LAYERS = {
  onnxruntime: {
    latentBytes: 105,
    cutLatentBytes: 65,
    tokenBytes: 60,
    turnedTokenBytes: 60,
    bareTokenBytes: 2240,
    pixelBytes: 24,
  },
  openvino: {
    latentBytes: 100,
    cutLatentBytes: 100,
    tokenBytes: 80,
    turnedTokenBytes: 230,
    bareTokenBytes: 0,
    pixelBytes: 27,
  },
} as const;
/** Of those bytes, where layers compute in 16 bits. */
const VALUES_IN_16_BITS = 0.5;
/**
 * Of the bytes of graphs that adapters are merged into, while ONNX Runtime loads them: it copies what it is given. Once loaded
 * they take what they take anyhow, and OpenVINO takes the changed weights in the place of those that it would map.
 */
const ADAPTED = { graph: 0.66, weights: 1.5, garbage: 0.3, mostGarbageBytes: 27e6 } as const;
const SCORE_BYTES = 4;
/** Of a picture that is put together from tiles: planes in float32, the row of tiles above, and 8-bit levels. */
const PICTURE_BYTES_PER_PIXEL = 27;
/** Of the bytes of weights in fewer than 32 bits, while ONNX Runtime loads them. */
const CONVERTED = 1.3;
/** Bytes for each parameter of the largest graph of a pipeline of latents, while such weights become float32. */
const CONVERTING = { halves: 2, bytes: 4.6 } as const;

export function predictMemory(facts: MemoryFacts, size: PictureSize): MemoryPrediction {
  const processBytes = PROCESS_BYTES[facts.runtime] + (facts.decodes ? DECODER_BYTES : 0);
  const { loadingBytes, heldBytes } = bytesOfModel(facts);
  const paintedBytes = facts.shape ? bytesOfPictures(facts.shape, facts, size) : 0;
  // A publisher whose processor does not compute in 16 bits measured the same graphs in f32.
  const publishedBytes = facts.inferencePrecision === 'f32' ? facts.publishedPeakBytes : 0;
  const togetherBytes = facts.observed
    ? seenBytes(facts, facts.observed, size)
    : Math.max(processBytes + loadingBytes, processBytes + heldBytes + paintedBytes, publishedBytes);
  const wholeBytes = Math.max(1, sum(facts.components.map(({ bytes }) => bytes)));
  const apart = bytesOfModel(facts, 'each by itself');
  const ofComponent = ({ stage, bytes }: MemoryComponent) => {
    const share = bytes / wholeBytes;
    const own = { loadingBytes: share * apart.loadingBytes, heldBytes: share * apart.heldBytes };
    return bytesInTurn(facts, { stage, ...own }, size);
  };
  const largestBytes = Math.max(0, ...facts.components.map(ofComponent));
  return {
    togetherBytes: Math.round(togetherBytes + bytesOfForms(facts, size.besidePixels)),
    inTurnBytes: Math.round(processBytes + largestBytes),
  };
}

/** Of one component by itself: while it is loaded, then while it runs. Those of a picture's values that wait are small. */
function bytesInTurn(
  { shape, ...computed }: MemoryFacts,
  { stage, loadingBytes, heldBytes }: ModelBytes & Pick<MemoryComponent, 'stage'>,
  size: PictureSize,
): number {
  if (!shape) return Math.max(loadingBytes, heldBytes);
  const { [stage]: paintedBytes } = bytesByStage(shape, computed, { ...size, inTurn: true });
  // A denoiser's parts are loaded in the midst of a picture, whose values wait meanwhile.
  return shape.cut && stage === 'denoise'
    ? loadingBytes + paintedBytes
    : Math.max(loadingBytes, heldBytes + paintedBytes);
}

/** Of the graphs, adapters merged, while they are read and prepared, and when they are. */
function bytesOfModel(facts: MemoryFacts, loaded: Loaded = 'one after the other'): ModelBytes {
  const { loadingBytes, heldBytes } = bytesOfGraphs(facts, loaded);
  const { graphBytes, weightBytes } = facts.adapted;
  if (facts.runtime === 'openvino' || graphBytes + weightBytes === 0) return { loadingBytes, heldBytes };
  const garbageBytes = Math.min(ADAPTED.mostGarbageBytes, (graphBytes + weightBytes) * ADAPTED.garbage);
  const mergingBytes = graphBytes * ADAPTED.graph + weightBytes * ADAPTED.weights + garbageBytes;
  return { loadingBytes: loadingBytes + mergingBytes, heldBytes };
}

/** Graphs beside those that are loaded already, or each of which none is beside. */
type Loaded = 'one after the other' | 'each by itself';

function bytesOfGraphs(facts: MemoryFacts, loaded: Loaded): ModelBytes {
  const { runtime, inferencePrecision, parameters, graphBytes, weightBytes, components, decodes } = facts;
  switch (runtime) {
    case 'onnxruntime': {
      const wholeBytes = Math.max(1, sum(components.map(({ bytes }) => bytes)));
      if (decodes && wholeBytes < 3 * parameters) {
        const largestBytes =
          loaded === 'each by itself' ? wholeBytes : Math.max(...components.map(({ bytes }) => bytes));
        const converting = CONVERTING[wholeBytes < 1.5 * parameters ? 'bytes' : 'halves'];
        const heldBytes = parameters * 4.1;
        return { loadingBytes: heldBytes + (largestBytes / wholeBytes) * parameters * converting, heldBytes };
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
      // Weights stay mapped and are repacked once, as they are computed with; compiling takes memory for every node.
      const repackedBytes = parameters * (inferencePrecision === 'f32' ? 4.2 : 2.5);
      const bytes = weightBytes + repackedBytes + graphBytes * 30;
      return { loadingBytes: bytes, heldBytes: bytes };
    }
  }
}

/**
 * Of the forms of a second size: weights laid out once more, and what layers hold between each other. Text encoders, which have
 * one form for all sizes, are not told apart and count, too.
 */
function bytesOfForms(facts: MemoryFacts, pixels: number | undefined): number {
  if (pixels === undefined || facts.runtime !== 'openvino') return 0;
  const { loadingBytes } = bytesOfModel({ ...facts, weightBytes: 0 });
  return loadingBytes + (facts.shape ? bytesOfPictures(facts.shape, facts, { pixels }) : 0);
}

/** What a picture takes beyond the graphs, all of which are there: OpenVINO's keep what they took, ONNX Runtime's give it back. */
function bytesOfPictures(shape: NetworkShape, computed: Computed, size: PictureSize): number {
  const stages = Object.values(bytesByStage(shape, computed, size));
  return computed.runtime === 'openvino' ? sum(stages) : Math.max(...stages);
}

/** What the layers of a run hold between each other: the denoiser's for all pictures together, the decoder's for one. */
function bytesByStage(
  shape: NetworkShape,
  { runtime, inferencePrecision }: Computed,
  size: PictureSize & { readonly inTurn?: boolean },
): Record<MemoryComponent['stage'], number> {
  const { pixels, batch = 1, tiled = false, inTurn = false } = size;
  const layers = LAYERS[runtime];
  const width = inferencePrecision === 'f32' ? 1 : VALUES_IN_16_BITS;
  const decodedPixels = tiled && shape.tilePixels ? Math.min(pixels, shape.tilePixels ** 2) : pixels;
  const tokens = pixels / shape.tokenSide ** 2 + shape.words;
  const latentBytes = inTurn && shape.cut ? layers.cutLatentBytes : layers.latentBytes;
  const tokenBytes = shape.denoiser === 'transformer' ? layers.tokenBytes : layers.turnedTokenBytes;
  const denoiserBytes =
    shape.denoiser === 'unet'
      ? (shape.channels * latentBytes * pixels) / shape.latentSide ** 2
      : (shape.channels * tokenBytes + layers.bareTokenBytes) * tokens;
  // OpenVINO's kernel of attention holds no scores.
  const holdsScores = runtime !== 'openvino';
  const held = holdsScores ? timesHeld(shape.scores, SCORES_HELD[shape.denoiser]) : 0;
  const decoderHeld = holdsScores && shape.decoderAttends ? timesHeld(shape.decoderScores, SCORES_HELD.decoder) : 0;
  const decodedLatents = decodedPixels / shape.latentSide ** 2;
  return {
    encode: SCORE_BYTES * shape.textScores * TEXT_SCORES_HELD[runtime],
    denoise: batch * (denoiserBytes * width + SCORE_BYTES * shape.heads * tokens ** 2 * held),
    decode:
      (decodedPixels < pixels ? PICTURE_BYTES_PER_PIXEL * pixels : 0) +
      layers.pixelBytes * shape.decoderChannels * decodedPixels * width +
      SCORE_BYTES * decodedLatents ** 2 * decoderHeld,
  };
}

function timesHeld(kept: ScoresKept, writtenOut: number): number {
  return { 'several times': writtenOut, once: WITHIN_OPERATOR, none: 0 }[kept];
}

/** Beyond what was seen a picture grows as its networks say, whose attention is no line; where they are not known, as one. */
function seenBytes({ shape, ...computed }: MemoryFacts, observed: ObservedMemory, size: PictureSize): number {
  const largest = observed.peaks.reduce((most, peak) => (peak.pixels > most.pixels ? peak : most));
  if (!shape || size.pixels <= largest.pixels) return scaled(observed, size.pixels);
  const [more, less] = [size.pixels, largest.pixels].map((pixels) =>
    bytesOfPictures(shape, computed, { ...size, pixels }),
  ) as [number, number];
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
