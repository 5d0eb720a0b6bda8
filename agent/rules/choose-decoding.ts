// Whether a picture larger than usual is decoded whole, in tiles, or not at all, by the memory that there is.

export interface DecodingFacts {
  readonly pixels: number;
  /** Predicted peak with the whole decoded at once. */
  readonly wholeBytes: number;
  /** Predicted peak of a picture of the usual size, which the engine was started for. */
  readonly usualBytes: number;
  /** What the request or the variant says; left out: whatever fits. */
  readonly asked: boolean | undefined;
  /** Whether the pipeline has a decoder at all. */
  readonly able: boolean;
  readonly thereBytes: number;
}

export type Decoding =
  | { readonly kind: 'fits'; readonly tiled: boolean }
  | { readonly kind: 'too-large'; readonly predictedBytes: number; readonly missingBytes: number };

/** Planes in float32, the row of tiles above, and 8-bit levels. */
const PICTURE_BYTES_PER_PIXEL = 27;
/**
 * What a larger picture takes beyond the usual is the denoiser's and the decoder's; which part is whose is not known before
 * it was tried, so half of it is taken to stay. If that is too little, the engine's own process ends, and nothing else.
 */
const STAYS_IN_TILES = 0.5;

export function chooseDecoding({ pixels, wholeBytes, usualBytes, asked, able, thereBytes }: DecodingFacts): Decoding {
  const grown = Math.max(0, wholeBytes - usualBytes);
  const tiledBytes = Math.min(wholeBytes, usualBytes + grown * STAYS_IN_TILES + pixels * PICTURE_BYTES_PER_PIXEL);
  const tiled = able && (asked ?? wholeBytes > thereBytes);
  const predictedBytes = Math.ceil(tiled ? tiledBytes : wholeBytes);
  if (predictedBytes <= thereBytes) return { kind: 'fits', tiled };
  return { kind: 'too-large', predictedBytes, missingBytes: predictedBytes - thereBytes };
}
