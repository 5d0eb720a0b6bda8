import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { Egress } from './egress.ts';

/** Time that passes only when everybody waits. */
function handClock() {
  let nowMs = 0;
  const timers: { atMs: number; action: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (delayMs, action) => {
      const timer = { atMs: nowMs + delayMs, action };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const passTo = async (untilMs: number) => {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      const [next] = timers.sort((a, b) => a.atMs - b.atMs);
      if (!next || next.atMs > untilMs) break;
      timers.shift();
      nowMs = next.atMs;
      next.action();
    }
    nowMs = untilMs;
  };
  return { clock, passTo };
}

/** Downloads without end, over so many connections. */
function downloader(egress: Egress, owner: string, connections: number) {
  const got = { bytes: 0, stopped: false };
  const connection = async () => {
    while (!got.stopped) {
      const bytes = await egress.take(owner, 256 * 1024);
      got.bytes += bytes;
    }
  };
  for (let i = 0; i < connections; i++) void connection();
  return got;
}

describe('Egress', () => {
  it('lets everything through at once without a limit', async () => {
    const egress = new Egress(handClock().clock, Number.POSITIVE_INFINITY);
    expect(await egress.take('a', 1_000_000)).toBe(1_000_000);
  });

  it('keeps to the limit, and every owner gets the same, whatever its number of connections', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 20_000, max: 5_000_000 }),
        async (connections, bytesPerSecond) => {
          const { clock, passTo } = handClock();
          const egress = new Egress(clock, bytesPerSecond);
          const all = connections.map((count, index) => downloader(egress, `device ${index}`, count));
          await passTo(60_000);
          const bytes = all.map((one) => one.bytes);
          const total = bytes.reduce((sum, one) => sum + one, 0);
          for (const one of all) one.stopped = true;
          expect(total).toBeLessThanOrEqual(bytesPerSecond * 60.1 + 64 * 1024);
          expect(total).toBeGreaterThan(bytesPerSecond * 59);
          expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThanOrEqual(2 * 64 * 1024);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gives something to each of thousands within a round, so that no line seems broken', async () => {
    const { clock, passTo } = handClock();
    const egress = new Egress(clock, 100_000);
    const all = Array.from({ length: 2000 }, (_, index) => downloader(egress, `device ${index}`, 1));
    await passTo(12_000);
    for (const one of all) one.stopped = true;
    expect(Math.min(...all.map(({ bytes }) => bytes))).toBeGreaterThan(0);
  });
});
