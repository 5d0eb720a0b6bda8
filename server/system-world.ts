// The real time, the real randomness, and the log on stderr; everything else receives them.
import { randomBytes } from 'node:crypto';
import type { Clock, Randomness } from '../shared/clock.ts';
import type { Log } from './store/world.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

export const systemRandomness: Randomness = {
  uniform: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => randomBytes(count),
};

/** One line a message: time, level, words, then the details as JSON. */
export const systemLog: Log = (level, message, details) => {
  const rest = details && Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : '';
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}${rest}\n`);
};
