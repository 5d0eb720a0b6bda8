// Noise exactly as torch.randn draws it on the CPU, so that one seed gives one picture on every device and runtime.
// Source: ATen/native/cpu/DistributionTemplates.h (normal_fill, normal_kernel) and ATen/core/MT19937RNGEngine.h.

const STATE = 624;
const BLOCK = 16;

/**
 * `torch.randn(count, generator=torch.Generator().manual_seed(seed))`, equal but for the last bit of each value.
 *
 * @param seed unsigned 32-bit integer
 */
export function randn(seed: number, count: number): Float32Array {
  const next = mersenneTwister(seed);
  return count < BLOCK ? fewNormals(next, count) : normals(next, count);
}

/** From 16 values on: all uniform numbers first, then Box-Muller in blocks of 16, pairing j with j + 8. */
function normals(next: () => number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = uniform24(next);
  const whole = count - (count % BLOCK);
  for (let start = 0; start < whole; start += BLOCK) boxMuller(values, start);
  if (whole < count) {
    // No multiple of 16: the last 16 values are drawn again, overlapping those before them.
    for (let i = count - BLOCK; i < count; i++) values[i] = uniform24(next);
    boxMuller(values, count - BLOCK);
  }
  return values;
}

const uniform24 = (next: () => number): number => (next() & 0xffffff) / 0x1000000;

function boxMuller(values: Float32Array, start: number): void {
  for (let j = start; j < start + BLOCK / 2; j++) {
    const radius = Math.fround(Math.sqrt(-2 * Math.log(1 - (values[j] as number))));
    const angle = Math.fround(2 * Math.PI * (values[j + 8] as number));
    values[j] = radius * Math.cos(angle);
    values[j + 8] = radius * Math.sin(angle);
  }
}

/** Below 16 values torch takes another way: doubles of 53 bits, each pair giving a cosine and then a sine. */
function fewNormals(next: () => number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const angle = 2 * Math.PI * uniform53(next);
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53(next)));
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function uniform53(next: () => number): number {
  const high = next() & 0x1fffff;
  return (high * 2 ** 32 + next()) / 2 ** 53;
}

/** MT19937 (Matsumoto and Nishimura 1998), seeded as C++ and torch seed it; gives unsigned 32-bit words. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    const previous = state[i - 1] as number;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  let position = STATE;
  return () => {
    if (position === STATE) {
      twist(state);
      position = 0;
    }
    let word = state[position++] as number;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < STATE; i++) {
    const joined = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % STATE] as number) & 0x7fffffff);
    const mixed = (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    state[i] = (state[(i + 397) % STATE] as number) ^ mixed;
  }
}
