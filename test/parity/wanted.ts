// Requests with the pixels that the reference painted, as `diffusers_export/reference.py` writes them.

/** `scheduler` is a class of diffusers; `image`, `mask` (PNG) and `pixels` (RGB, a picture after another) are in base64. */
export interface WantedPicture {
  readonly prompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly negative_prompt: string | null;
  readonly scheduler: string | null;
  readonly tiled?: boolean;
  readonly image?: string;
  readonly mask?: string;
  readonly strength?: number;
  readonly batch?: number;
  readonly lora?: string;
  readonly lora_scale?: number;
  readonly pixels: string;
}

/** Of 255, over all values of a picture. 1 is promised; another prompt moves the tiny pipelines' pictures by 0.4 and more. */
export const MOST_MEAN_LEVELS = 0.05;

/** Mean of the levels' differences; NaN for pictures of other sizes. */
export function meanDifference(ours: Uint8Array, theirs: Uint8Array): number {
  if (ours.length !== theirs.length) return Number.NaN;
  return ours.reduce((total, level, i) => total + Math.abs(level - (theirs[i] as number)), 0) / theirs.length;
}
