// Flux reads latents in patches of 2 × 2: [channels, height, width] ↔ [patches, channels · 4].

interface Size {
  readonly width: number;
  readonly height: number;
}

export function packLatents(latents: Float32Array, channels: number, size: Size): Float32Array {
  const packed = new Float32Array(latents.length);
  forEachPair(channels, size, (plane, patch) => {
    packed[patch] = latents[plane] as number;
  });
  return packed;
}

export function unpackLatents(packed: Float32Array, channels: number, size: Size): Float32Array {
  const latents = new Float32Array(packed.length);
  forEachPair(channels, size, (plane, patch) => {
    latents[plane] = packed[patch] as number;
  });
  return latents;
}

/** Calls with the index of each value among the planes, and among the patches. */
function forEachPair(channels: number, { width, height }: Size, visit: (plane: number, patch: number) => void): void {
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const patch = Math.floor(y / 2) * (width / 2) + Math.floor(x / 2);
        const within = channel * 4 + (y % 2) * 2 + (x % 2);
        visit((channel * height + y) * width + x, patch * channels * 4 + within);
      }
    }
  }
}
