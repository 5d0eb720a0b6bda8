// Sixteen uniform numbers become sixteen normal ones (Box and Muller 1958), to the last bit as torch's vectorised kernel
// computes them: the single-precision logarithm, sine and cosine of the Cephes library, with products and sums fused where
// the compiler of torch's x86-64 builds fuses them. Source: ATen/native/cpu/DistributionTemplates.h and avx_mathfun.h.

const { fround, sqrt } = Math;
const TWO_PI = fround(2 * Math.PI);
const FOUR_OVER_PI = fround(4 / Math.PI);
const ROOT_HALF = fround(Math.SQRT1_2);
/** Of log(1 + x) beyond x − x²/2, highest power first. */
const [LOG_8, LOG_7, LOG_6, LOG_5, LOG_4, LOG_3, LOG_2, LOG_1, LOG_0] = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(fround) as [...Three, ...Three, ...Three]; // biome-ignore format: coefficients
/** The natural logarithm of 2 in two parts, so that the large one multiplies small integers exactly. */
const [LOG2_LOW, LOG2_HIGH] = [fround(-2.1219444e-4), 0.693359375];
const [SINE_5, SINE_3, SINE_1] = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(fround) as Three;
const [COSINE_6, COSINE_4, COSINE_2] = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(
  fround,
) as Three;
/** A quarter of π in three parts (Cody and Waite). */
const [PART_1, PART_2, PART_3] = [-0.78515625, -2.41875648498535e-4, -3.77489497744594e-8].map(fround) as Three;
type Three = [number, number, number];

const asFloat = new Float32Array(1);
const asBits = new Uint32Array(asFloat.buffer);

/** A product and a sum rounded once: two factors of 24 bits fit a double's 53. */
const fused = (a: number, b: number, c: number): number => fround(a * b + c);

/** In place: `values[at … at + 15]`, uniform in [0, 1), paired j with j + 8. */
export function boxMuller(values: Float32Array, at: number): void {
  for (let j = at; j < at + 8; j++) {
    const radius = fround(sqrt(fround(-2 * logarithm(fround(1 - (values[j] as number))))));
    const angle = fround(TWO_PI * (values[j + 8] as number));
    const octant = (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
    const x = fused(octant, PART_3, fused(octant, PART_2, fused(octant, PART_1, angle)));
    const [sin, cos] = [sine(x), cosine(x)];
    const swapped = (octant & 2) !== 0;
    const far = swapped ? sin : cos;
    const near = swapped ? cos : sin;
    values[j] = radius * (~(octant - 2) & 4 ? -far : far);
    values[j + 8] = radius * (octant & 4 ? -near : near);
  }
}

/** Of a normal number in (0, 1]. */
function logarithm(value: number): number {
  asFloat[0] = value;
  const word = asBits[0] as number;
  asBits[0] = (word & 0x807fffff) | 0x3f000000;
  const mantissa = asFloat[0] as number;
  const small = mantissa < ROOT_HALF;
  const exponent = (word >>> 23) - 126 - (small ? 1 : 0);
  const x = fround(fround(mantissa - 1) + (small ? mantissa : 0));
  const square = fround(x * x);
  // Written out: an engine draws thousands of these for a picture, and a loop over the coefficients takes twice the time.
  let y = fused(fused(fused(LOG_8, x, LOG_7), x, LOG_6), x, LOG_5);
  y = fused(fused(fused(fused(fused(y, x, LOG_4), x, LOG_3), x, LOG_2), x, LOG_1), x, LOG_0);
  y = fused(fround(y * x), square, fround(exponent * LOG2_LOW));
  y = fused(square, -0.5, y);
  return fused(exponent, LOG2_HIGH, fround(x + y));
}

/** Of an angle within a quarter of π around 0, as the next. */
function sine(x: number): number {
  const square = fround(x * x);
  const odd = fround(fused(fused(SINE_5, square, SINE_3), square, SINE_1) * square);
  return fused(odd, x, x);
}

function cosine(x: number): number {
  const square = fround(x * x);
  const even = fused(fused(COSINE_6, square, COSINE_4), square, COSINE_2);
  return fround(fused(fround(even * square), square, -fround(square * 0.5)) + 1);
}
