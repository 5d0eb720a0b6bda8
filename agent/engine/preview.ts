// Small pictures of what a picture looks like on the way, not more often than anybody can look.
import { encodePng, type RgbPicture } from '../pipeline/png.ts';

const EVERY_MS = 250;
const LONGER_SIDE = 64;

/** @returns a function that gives a PNG when the last one is long enough ago, else nothing */
export function previewer(now: () => number): (picture: () => RgbPicture) => Uint8Array | undefined {
  let lastMs = -Infinity;
  return (picture) => {
    const atMs = now();
    if (atMs - lastMs < EVERY_MS) return undefined;
    lastMs = atMs;
    return encodePng(shrink(picture()));
  };
}

/** Every n-th pixel; the longer side becomes at most 64. */
export function shrink({ width, height, rgb }: RgbPicture): RgbPicture {
  const every = Math.max(1, Math.ceil(Math.max(width, height) / LONGER_SIDE));
  const small = { width: Math.ceil(width / every), height: Math.ceil(height / every) };
  const pixels = new Uint8Array(small.width * small.height * 3);
  for (let y = 0, to = 0; y < height; y += every)
    for (let x = 0; x < width; x += every, to += 3) {
      const from = (y * width + x) * 3;
      pixels.set(rgb.subarray(from, from + 3), to);
    }
  return { ...small, rgb: pixels };
}
