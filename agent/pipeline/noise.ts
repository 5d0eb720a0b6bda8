// Noise exactly as torch.randn draws it on the CPU, so that one seed gives one picture on every device and runtime.
// Source: ATen/native/cpu/DistributionTemplates.h (normal_fill, normal_kernel) and ATen/core/MT19937RNGEngine.h.

const STATE = 624;
const BLOCK = 16;
/** Rounded to float32 before it is multiplied, as torch does. */
const TWO_PI = Math.fround(2 * Math.PI);

/**
 * `torch.randn(count, generator=torch.Generator().manual_seed(seed))`, equal but for the last bit of each value.
 *
 * @param seed unsigned 32-bit integer
 */
export function randn(seed: number, count: number): Float32Array {
  return count < BLOCK ? fewNormals(seed, count) : normals(seed, count);
}

/** From 16 values on: all uniform numbers first, then Box-Muller in blocks of 16, pairing j with j + 8. */
function normals(seed: number, count: number): Float32Array {
  const tail = count % BLOCK;
  const words = mersenneTwister(seed, tail === 0 ? count : count + BLOCK);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = uniform24(words[i] as number);
  for (let start = 0; start < count - tail; start += BLOCK) boxMuller(values, start);
  if (tail > 0) {
    // No multiple of 16: the last 16 values are drawn again, overlapping those before them.
    for (let i = 0; i < BLOCK; i++) values[count - BLOCK + i] = uniform24(words[count + i] as number);
    boxMuller(values, count - BLOCK);
  }
  return values;
}

const uniform24 = (word: number): number => (word & 0xffffff) / 0x1000000;

function boxMuller(values: Float32Array, start: number): void {
  for (let j = start; j < start + BLOCK / 2; j++) {
    const radius = Math.fround(Math.sqrt(-2 * Math.log(1 - (values[j] as number))));
    const angle = Math.fround(TWO_PI * (values[j + 8] as number));
    values[j] = radius * Math.cos(angle);
    values[j + 8] = radius * Math.sin(angle);
  }
}

/** Below 16 values torch takes another way: doubles of 53 bits, each pair giving a cosine and then a sine. */
function fewNormals(seed: number, count: number): Float32Array {
  const words = mersenneTwister(seed, 2 * count + 2);
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

/** The first `count` words of MT19937 (Matsumoto and Nishimura 1998), seeded as C++ and torch seed it. */
function mersenneTwister(seed: number, count: number): Uint32Array {
  const state = new Int32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    const previous = state[i - 1] as number;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  const words = new Uint32Array(count);
  for (let at = 0; at < count; at += STATE) {
    twist(state);
    for (let i = 0; i < STATE && at + i < count; i++) words[at + i] = temper(state[i] as number);
  }
  return words;
}

function twist(state: Int32Array): void {
  for (let i = 0; i < STATE; i++) {
    const next = i + 1 < STATE ? i + 1 : 0;
    const far = i < STATE - 397 ? i + 397 : i + 397 - STATE;
    const joined = ((state[i] as number) & 0x80000000) | ((state[next] as number) & 0x7fffffff);
    state[i] = (state[far] as number) ^ (joined >>> 1) ^ (-(joined & 1) & 0x9908b0df);
  }
}

function temper(word: number): number {
  let mixed = word ^ (word >>> 11);
  mixed ^= (mixed << 7) & 0x9d2c5680;
  mixed ^= (mixed << 15) & 0xefc60000;
  return mixed ^ (mixed >>> 18);
}
