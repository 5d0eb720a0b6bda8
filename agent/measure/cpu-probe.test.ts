import { expect, it } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { cpuProbe } from './cpu-probe.ts';

/** On which a round takes 1 ms, and three times as long while something else runs until `burstMs`. */
function machine(burstMs: number): Clock {
  let nowMs = 0;
  let reads = 0;
  return {
    now: () => nowMs,
    monotonic: () => {
      if (reads++ % 2 === 1) nowMs += nowMs < burstMs ? 3 : 1;
      return nowMs;
    },
    after(delayMs, action) {
      nowMs += delayMs;
      setImmediate(action);
      return () => {};
    },
  };
}

it.each([
  ['not what runs for some milliseconds', 25, 1],
  ['what goes on', 60_000, 3],
])('shows %s', async (_, burstMs, probeMs) => {
  expect(await cpuProbe(machine(burstMs))).toBe(probeMs);
});
