// What a picture takes beyond the graphs, from the shape of the networks that paint it. Constants as in predict-memory.ts.
import type { InferencePrecision } from '../../../shared/manifest.ts';

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
  /** Weights of the denoiser's convolutions of 3x3. */
  readonly convolved: number;
  /** Whether OpenVINO multiplies with matrices of 8 bits and fewer as they are stored, as it was seen to on x86-64. */
  readonly multipliesBytes: boolean;
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

/** What computes, and in what. */
export interface Computed {
  readonly runtime: 'onnxruntime' | 'openvino';
  readonly inferencePrecision: InferencePrecision;
}

export type Stage = 'encode' | 'denoise' | 'decode';

/** All as written out in operators, each once within one operator, or none of them. */
export type ScoresKept = 'several times' | 'once' | 'none';

/** What is asked for, and what stays beside it. */
export interface PictureSize {
  readonly pixels: number;
  /** Pictures of one run. */
  readonly batch?: number;
  readonly tiled?: boolean;
  /** Whether it begins from a picture, which an encoder reads. */
  readonly image?: boolean;
  /** Pixels of another size whose compiled forms stay in memory beside (OpenVINO). */
  readonly besidePixels?: number;
}

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
 * something whatever its width. A decoder that was cut gives its last part what it enlarged to the full size.
 */
const LAYERS = {
  onnxruntime: {
    latentBytes: 105,
    cutLatentBytes: 65,
    tokenBytes: 60,
    turnedTokenBytes: 60,
    bareTokenBytes: 2240,
    pixelBytes: 24,
    followedPixelBytes: 13.3,
  },
  openvino: {
    latentBytes: 100,
    cutLatentBytes: 100,
    tokenBytes: 80,
    turnedTokenBytes: 230,
    bareTokenBytes: 0,
    pixelBytes: 27,
    followedPixelBytes: 27,
  },
} as const;

/** Of an encoder's layers, likewise for each channel and pixel, on OpenVINO, which keeps them. */
const ENCODED_PIXEL_BYTES = 20;

/** Of those bytes, where layers compute in 16 bits. */
const VALUES_IN_16_BITS = 0.5;

const SCORE_BYTES = 4;

/** Of a picture that is put together from tiles: planes in float32, the row of tiles above, and 8-bit levels. */
const PICTURE_BYTES_PER_PIXEL = 27;

/** As `pipeline/stages/tiles` cuts. */
const TILES_OVERLAP = 0.25;

/** What a picture takes beyond the graphs, all of which are there: OpenVINO's keep what they took, ONNX Runtime's give it back. */
export function bytesOfPictures(shape: NetworkShape, computed: Computed, size: PictureSize): number {
  const stages = Object.values(bytesByStage(shape, computed, size));
  return computed.runtime === 'openvino' ? sum(stages) : Math.max(...stages);
}

/** What the layers of a run hold between each other: the denoiser's for all pictures together, the decoder's for one. */
export function bytesByStage(
  shape: NetworkShape,
  { runtime, inferencePrecision }: Computed,
  size: PictureSize & { readonly inTurn?: boolean; readonly followed?: boolean },
): Record<Stage, number> {
  const { pixels, batch = 1, tiled = false, inTurn = false, followed = false } = size;
  const layers = LAYERS[runtime];
  const width = widthOf(inferencePrecision);
  const decodedPixels = pixelsAtOnce(shape, { pixels, tiled });
  // OpenVINO keeps what the forms of whole tiles and of those at the edge took.
  const heldPixels = decodedPixels + (runtime === 'openvino' ? edgePixels(shape, { pixels, tiled }) : 0);
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
      (followed ? layers.followedPixelBytes : layers.pixelBytes) * shape.decoderChannels * heldPixels * width +
      SCORE_BYTES * decodedLatents ** 2 * decoderHeld,
  };
}

/** Of the picture that another begins from, beyond its encoder's graph. */
export const bytesOfEncoding = (shape: NetworkShape, { inferencePrecision }: Computed, size: PictureSize): number =>
  ENCODED_PIXEL_BYTES *
  shape.decoderChannels *
  (pixelsAtOnce(shape, size) + edgePixels(shape, size)) *
  widthOf(inferencePrecision);

/**
 * Of the largest tile that the edge of a picture cuts off, the picture taken to be square: OpenVINO compiles a form of its own
 * for it. Zero where nothing is taken in tiles.
 */
export function edgePixels({ tilePixels }: NetworkShape, { pixels, tiled = false }: PictureSize): number {
  const beyond = Math.sqrt(pixels) - tilePixels;
  if (!tiled || tilePixels === 0 || beyond <= 0) return 0;
  const stride = tilePixels * (1 - TILES_OVERLAP);
  return tilePixels * (tilePixels + (beyond % stride) - stride);
}

const widthOf = (inferencePrecision: InferencePrecision): number =>
  inferencePrecision === 'f32' ? 1 : VALUES_IN_16_BITS;

const pixelsAtOnce = ({ tilePixels }: NetworkShape, { pixels, tiled = false }: PictureSize): number =>
  tiled && tilePixels ? Math.min(pixels, tilePixels ** 2) : pixels;

function timesHeld(kept: ScoresKept, writtenOut: number): number {
  return { 'several times': writtenOut, once: WITHIN_OPERATOR, none: 0 }[kept];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
