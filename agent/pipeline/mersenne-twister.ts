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
      for (let i = 0; i < count; i++) {
        if (used === STATE) {
          twist(state);
          used = 0;
        }
        words[i] = temper(state[used++] as number);
      }
      return words;
    },
  };
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
