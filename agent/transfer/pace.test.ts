import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { Pace } from './pace.ts';

/** Time passes only by waiting, and as the test says. */
function clockOfTest() {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (delayMs, action) => {
      nowMs += delayMs;
      queueMicrotask(action);
      return () => {};
    },
  };
  return { clock, pass: (ms: number) => (nowMs += ms) };
}
const signal = new AbortController().signal;

it('never lets more through than the limit, over any cut and any pause, but for the last piece', async () => {
  const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 65_536 }), idleMs: fc.nat(500) }), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 4096, max: 10_000_000 }), async (all, rate) => {
      const { clock, pass } = clockOfTest();
      const pace = new Pace(clock, rate);
      let taken = 0;
      let idleMs = 0;
      for (const step of all) {
        pass(step.idleMs);
        idleMs += step.idleMs;
        await pace.take(step.bytes, signal);
        taken += step.bytes;
        expect(taken).toBeLessThanOrEqual((rate * clock.monotonic()) / 1000 + 1e-3);
      }
      // And no slower than the limit asks for.
      expect(clock.monotonic()).toBeLessThanOrEqual(idleMs + (taken / rate) * 1000 + 1);
    }),
  );
});

it('does not wait without a limit', async () => {
  const { clock } = clockOfTest();
  await new Pace(clock, Number.POSITIVE_INFINITY).take(1e9, signal);
  expect(clock.monotonic()).toBe(0);
});
