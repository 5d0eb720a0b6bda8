// AssemblyScript: agent/pipeline/box-muller.ts once more, for four numbers at a time, with the processor's own fused product
// and sum. `npm run assembly` compiles it; agent/pipeline/vector-box-muller.ts runs it.
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
} from '../pipeline/box-muller-constants';

const LOWER_24_BITS = 0xffffff;
const FRACTION_BITS = 23;
/** Bytes from a word to its partner, eight words on. */
const PARTNER: usize = 32;

/** The words at the beginning of the memory become normal numbers (float32). @param count a multiple of 16 */
export function boxMuller(count: i32): void {
  const end = (<usize>count) << 2;
  for (let block: usize = 0; block < end; block += 2 * PARTNER) {
    fourPairs(block);
    fourPairs(block + 16);
  }
}

function fourPairs(at: usize): void {
  const radius = radiusOf(v128.and(v128.load(at), i32x4.splat(LOWER_24_BITS)));
  const angle = f32x4.mul(all(TWO_PI), fraction(v128.and(v128.load(at, PARTNER), i32x4.splat(LOWER_24_BITS))));
  const begun = i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.mul(angle, all(FOUR_OVER_PI))), i32x4.splat(1));
  const octant = v128.and(begun, i32x4.splat(~1));
  const turns = f32x4.convert_i32x4_s(octant);
  const x = plus(turns, all(PART_3), plus(turns, all(PART_2), plus(turns, all(PART_1), angle)));
  const square = f32x4.mul(x, x);
  const sin = sine(x, square);
  const cos = cosine(square);
  const swapped = i32x4.eq(v128.and(octant, i32x4.splat(2)), i32x4.splat(2));
  const far = signed(v128.bitselect(sin, cos, swapped), i32x4.add(octant, i32x4.splat(2)));
  const near = signed(v128.bitselect(cos, sin, swapped), octant);
  v128.store(at, f32x4.mul(radius, far));
  v128.store(at, f32x4.mul(radius, near), PARTNER);
}

/** √(−2 log(1 − bits · 2⁻²⁴)). */
function radiusOf(bits: v128): v128 {
  const log = logarithm(fraction(i32x4.sub(i32x4.splat(LOWER_24_BITS + 1), bits)));
  return f32x4.sqrt(f32x4.mul(all(-2), log));
}

function fraction(bits: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(bits), all(1.0 / (LOWER_24_BITS + 1)));
}

/** @param value above 0 */
function logarithm(value: v128): v128 {
  // The number is mantissa · 2^exponent with a mantissa from √½ to √2.
  const rootHalf = i32x4.splat(reinterpret<i32>(<f32>ROOT_HALF));
  const beyond = i32x4.sub(value, rootHalf);
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(beyond, FRACTION_BITS));
  const mantissa = i32x4.add(v128.and(beyond, i32x4.splat((1 << FRACTION_BITS) - 1)), rootHalf);
  const x = f32x4.sub(mantissa, all(1));
  const square = f32x4.mul(x, x);
  let y = plus(plus(plus(all(LOG_8), x, all(LOG_7)), x, all(LOG_6)), x, all(LOG_5));
  y = plus(plus(plus(y, x, all(LOG_4)), x, all(LOG_3)), x, all(LOG_2));
  y = plus(plus(y, x, all(LOG_1)), x, all(LOG_0));
  y = plus(f32x4.mul(y, x), square, f32x4.mul(exponent, all(LOG2_LOW)));
  y = plus(square, all(-0.5), y);
  return plus(exponent, all(LOG2_HIGH), f32x4.add(x, y));
}

function sine(x: v128, square: v128): v128 {
  const odd = plus(plus(all(SINE_5), square, all(SINE_3)), square, all(SINE_1));
  return plus(f32x4.mul(odd, square), x, x);
}

function cosine(square: v128): v128 {
  const even = plus(plus(all(COSINE_6), square, all(COSINE_4)), square, all(COSINE_2));
  const half = f32x4.neg(f32x4.mul(square, all(0.5)));
  return f32x4.add(plus(f32x4.mul(even, square), square, half), all(1));
}

/** a · b + c. */
function plus(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c);
}

function all(value: f64): v128 {
  return f32x4.splat(<f32>value);
}

/** In octants 4 to 7 the sign turns. */
function signed(value: v128, octant: v128): v128 {
  return v128.xor(value, i32x4.shl(v128.and(octant, i32x4.splat(4)), 29));
}
