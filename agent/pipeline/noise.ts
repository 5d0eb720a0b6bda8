// Noise exactly as torch.randn draws it on the CPU, so that one seed gives one picture on every device and runtime.
// Source: ATen/native/cpu/DistributionTemplates.h (normal_fill, normal_kernel) and ATen/core/MT19937RNGEngine.h.
import { type MersenneTwister, mersenneTwister } from './mersenne-twister.ts';
import { boxMuller } from './vector-box-muller.ts';

const BLOCK = 16;

/** A `torch.Generator`: what it draws goes on where it stopped. */
export interface NoiseSource {
  /** `torch.randn(count, generator=…)`, to the last bit as an x86-64 machine with AVX2 draws it. */
  randn(count: number): Float32Array;
}

/** `torch.Generator().manual_seed(seed)`. @param seed unsigned 32-bit integer */
export function noiseSource(seed: number): NoiseSource {
  const twister = mersenneTwister(seed);
  return { randn: (count) => (count < BLOCK ? fewNormals(twister, count) : normals(twister, count)) };
}

/** The first `count` values of a seed. */
export const randn = (seed: number, count: number): Float32Array => noiseSource(seed).randn(count);

/** From 16 values on: a word each, and Box-Muller in blocks of 16. */
function normals(twister: MersenneTwister, count: number): Float32Array {
  const tail = count % BLOCK;
  const values = new Float32Array(count);
  boxMuller(twister.words(count), values.subarray(0, count - tail));
  // No multiple of 16: the last 16 values are drawn again, overlapping those before them.
  if (tail > 0) boxMuller(twister.words(BLOCK), values.subarray(count - BLOCK));
  return values;
}

/** Below 16 values torch takes another way: doubles of 53 bits, each pair giving a cosine and then a sine. */
function fewNormals(twister: MersenneTwister, count: number): Float32Array {
  const words = twister.words(4 * Math.ceil(count / 2));
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const angle = 2 * Math.PI * uniform53(words, 2 * i);
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53(words, 2 * i + 2)));
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function uniform53(words: Uint32Array, at: number): number {
  return (((words[at] as number) & 0x1fffff) * 2 ** 32 + (words[at + 1] as number)) / 2 ** 53;
}
