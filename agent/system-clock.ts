// The real time and the real randomness; everything else receives them.
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock, Randomness } from '../shared/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

export const systemRandomness: Randomness = {
  uniform: () => randomInt(2 ** 47) / 2 ** 47,
  bytes: (count) => randomBytes(count),
};
