// MT19937 (Matsumoto and Nishimura 1998), seeded as C++ and torch seed it.

const STATE = 624;

export interface MersenneTwister {
  /** The next `count` words, each an unsigned 32-bit integer. */
  words(count: number): Uint32Array;
}

/** @param seed unsigned 32-bit integer */
export function mersenneTwister(seed: number): MersenneTwister {
  const state = new Int32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    const previous = state[i - 1] as number;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  let used = STATE;
  return {
    words(count) {
      const words = new Uint32Array(count);
      for (let at = 0; at < count; ) {
        if (used === STATE) {
          twist(state);
          used = 0;
        }
        const end = Math.min(count, at + STATE - used);
        while (at < end) words[at++] = temper(state[used++] as number);
      }
      return words;
    },
  };
}

/** In three runs, so that no index wraps around within one. */
function twist(state: Int32Array): void {
  for (let i = 0; i < STATE - 397; i++)
    state[i] = (state[i + 397] as number) ^ joined(state[i] as number, state[i + 1] as number);
  for (let i = STATE - 397; i < STATE - 1; i++)
    state[i] = (state[i + 397 - STATE] as number) ^ joined(state[i] as number, state[i + 1] as number);
  state[STATE - 1] = (state[396] as number) ^ joined(state[STATE - 1] as number, state[0] as number);
}

function joined(high: number, low: number): number {
  const word = (high & 0x80000000) | (low & 0x7fffffff);
  return (word >>> 1) ^ (-(word & 1) & 0x9908b0df);
}

function temper(word: number): number {
  let mixed = word ^ (word >>> 11);
  mixed ^= (mixed << 7) & 0x9d2c5680;
  mixed ^= (mixed << 15) & 0xefc60000;
  return mixed ^ (mixed >>> 18);
}
