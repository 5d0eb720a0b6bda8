// PNG in and out. fast-png deflates in JavaScript: the same pixels give the same bytes on every processor, which the
// SIMD paths of Node's own zlib do not promise.
import { decode, encode } from 'fast-png';

/** 8-bit RGB, rows from the top, no gaps. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export function encodePng({ width, height, rgb }: RgbPicture): Uint8Array {
  return encode({ width, height, data: rgb, channels: 3, depth: 8 });
}

/**
 * Reads an 8-bit RGB or RGBA PNG; alpha is dropped.
 *
 * @throws RangeError for anything that is not one
 */
export function decodePng(png: Uint8Array): RgbPicture {
  const { width, height, data, depth, channels, palette } = decode(png);
  if (depth !== 8 || palette || (channels !== 3 && channels !== 4) || !(data instanceof Uint8Array))
    throw new RangeError(`expected an 8-bit RGB picture, got ${channels} channels of ${depth} bits`);
  if (channels === 3) return { width, height, rgb: data };
  return { width, height, rgb: data.filter((_, i) => i % 4 !== 3) };
}
