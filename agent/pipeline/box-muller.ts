// Random words become normal numbers (Box and Muller 1958), sixteen at a time, to the last bit as torch's vectorised kernel
// computes them: the single-precision logarithm, sine and cosine of the Cephes library, with products and sums fused where
// the compiler of torch's x86-64 builds fuses them. Source: ATen/native/cpu/DistributionTemplates.h and avx_mathfun.h.
import {
  COSINE_2,
  COSINE_4,
  COSINE_6,
  FOUR_OVER_PI,
  LOG_0,
  LOG_1,
  LOG_2,
  LOG_3,
  LOG_4,
  LOG_5,
  LOG_6,
  LOG_7,
  LOG_8,
  LOG2_HIGH,
  LOG2_LOW,
  PART_1,
  PART_2,
  PART_3,
  ROOT_HALF,
  SINE_1,
  SINE_3,
  SINE_5,
  TWO_PI,
} from './box-muller-constants.ts';

const { fround, sqrt } = Math;

/** 2⁻ⁿ for each n up to 25. */
const HALVED = Float64Array.from({ length: 26 }, (_, n) => 2 ** -n);
const ROOT_HALF_AS_31_BITS = ROOT_HALF * 2 ** 31;

// `fround(a * b + c)` is a fused product and sum, rounded once: two factors of 24 bits fit a double's 53. A function of that
// name would be one call too many for V8 to inline them all.

/**
 * Of each block of 16 words the lower 24 bits are uniform numbers in [0, 1), paired j with j + 8. No branch depends on them:
 * a processor would guess every second one wrong.
 *
 * @param values as many as `words`, a multiple of 16
 */
export function boxMuller(words: Uint32Array, values: Float32Array): void {
  for (let block = 0; block < values.length; block += 16) {
    for (let j = block; j < block + 8; j++) {
      const radius = fround(sqrt(fround(-2 * logarithmOf24Bits(0x1000000 - ((words[j] as number) & 0xffffff)))));
      const angle = fround(TWO_PI * (((words[j + 8] as number) & 0xffffff) / 0x1000000));
      const octant = (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
      const x = fround(octant * PART_3 + fround(octant * PART_2 + fround(octant * PART_1 + angle)));
      const sin = sine(x);
      const cos = cosine(x);
      const swapped = (octant & 2) >>> 1;
      const far = cos * (1 - swapped) + sin * swapped;
      const near = sin * (1 - swapped) + cos * swapped;
      values[j] = radius * far * (1 - (((octant + 2) & 4) >>> 1));
      values[j + 8] = radius * near * (1 - ((octant & 4) >>> 1));
    }
  }
}

/** The logarithm of bits · 2⁻²⁴. @param bits 1 to 2²⁴ */
function logarithmOf24Bits(bits: number): number {
  const zeros = Math.clz32(bits);
  // The number is mantissa · 2^exponent with a mantissa from √½ to √2, which `small` doubles.
  const small = (((bits << zeros) >>> 1) - ROOT_HALF_AS_31_BITS) >>> 31;
  const length = 32 - zeros - small;
  const exponent = length - 24;
  const x = fround(bits * (HALVED[length] as number) - 1);
  const square = fround(x * x);
  // Written out: an engine draws thousands of these for a picture, and a loop over the coefficients takes twice the time.
  let y = fround(fround(fround(LOG_8 * x + LOG_7) * x + LOG_6) * x + LOG_5);
  y = fround(fround(fround(y * x + LOG_4) * x + LOG_3) * x + LOG_2);
  y = fround(fround(y * x + LOG_1) * x + LOG_0);
  y = fround(fround(y * x) * square + fround(exponent * LOG2_LOW));
  y = fround(square * -0.5 + y);
  return fround(exponent * LOG2_HIGH + fround(x + y));
}

/** Of an angle within a quarter of π around 0, as the next. */
function sine(x: number): number {
  const square = fround(x * x);
  const odd = fround(fround(fround(SINE_5 * square + SINE_3) * square + SINE_1) * square);
  return fround(odd * x + x);
}

function cosine(x: number): number {
  const square = fround(x * x);
  const even = fround(fround(COSINE_6 * square + COSINE_4) * square + COSINE_2);
  return fround(fround(fround(even * square) * square + -fround(square * 0.5)) + 1);
}
