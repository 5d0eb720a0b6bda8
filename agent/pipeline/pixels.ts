// Between the numbers a network speaks and the bytes of a picture.
import type { RgbPicture } from './png.ts';

/** Planes float32 [3, height, width] in −1..1 → 8-bit RGB: `clamp((x + 1) / 2) · 255`, halves up, in float32 as the toolkit does it. */
export function planesToRgb(planes: Float32Array, width: number, height: number): RgbPicture {
  const rgb = new Uint8Array(width * height * 3);
  const size = width * height;
  for (let plane = 0; plane < 3; plane++) {
    for (let i = 0; i < size; i++) {
      const unit = Math.fround((planes[plane * size + i] as number) + 1) / 2;
      const level = Math.fround(Math.min(1, Math.max(0, unit)) * 255);
      rgb[i * 3 + plane] = Math.floor(Math.fround(level + 0.5));
    }
  }
  return { width, height, rgb };
}

/** 8-bit RGB → planes float32 [3, height, width], each value `pixel / 255 · scale + offset`. */
export function rgbToPlanes({ width, height, rgb }: RgbPicture, scale: number, offset: number): Float32Array {
  const size = width * height;
  const planes = new Float32Array(size * 3);
  for (let plane = 0; plane < 3; plane++) {
    for (let i = 0; i < size; i++) planes[plane * size + i] = ((rgb[i * 3 + plane] as number) / 255) * scale + offset;
  }
  return planes;
}
