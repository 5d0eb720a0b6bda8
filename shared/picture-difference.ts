// How far two pictures are apart.
import { decode } from 'fast-png';

export type PictureDifference =
  | { readonly kind: 'compared' /** In levels of 0–255. */; readonly meanAbsoluteDifference: number }
  | { readonly kind: 'incomparable'; readonly message: string };

/** Compares two PNGs pixel by pixel, channel by channel. */
export function pictureDifference(made: Uint8Array, wanted: Uint8Array): PictureDifference {
  const [a, b] = [decode(made), decode(wanted)];
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels || a.depth !== b.depth)
    return {
      kind: 'incomparable',
      message: `is ${a.width}x${a.height} with ${a.channels} channels, expected ${b.width}x${b.height} with ${b.channels}`,
    };
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs((a.data[i] as number) - (b.data[i] as number));
  return { kind: 'compared', meanAbsoluteDifference: sum / a.data.length };
}
