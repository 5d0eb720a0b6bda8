// Whether a picture larger than usual is decoded whole, in tiles, or not at all, by the memory that there is.

export interface DecodingFacts {
  /** Predicted peak with the whole decoded at once. */
  readonly wholeBytes: number;
  /** Likewise in tiles. */
  readonly tiledBytes: number;
  /** What the request or the variant says; left out: whatever fits. */
  readonly asked: boolean | undefined;
  /** Whether the pipeline has a decoder at all. */
  readonly able: boolean;
  readonly thereBytes: number;
}

export type Decoding =
  | { readonly kind: 'fits'; readonly tiled: boolean }
  | { readonly kind: 'too-large'; readonly predictedBytes: number; readonly missingBytes: number };

export function chooseDecoding({ wholeBytes, tiledBytes, asked, able, thereBytes }: DecodingFacts): Decoding {
  const tiled = able && (asked ?? wholeBytes > thereBytes);
  const predictedBytes = tiled ? tiledBytes : wholeBytes;
  if (predictedBytes <= thereBytes) return { kind: 'fits', tiled };
  return { kind: 'too-large', predictedBytes, missingBytes: predictedBytes - thereBytes };
}
