import { describe, expect, it } from 'vitest';
import { timeFault } from './time-needed.ts';

const made = (side: number, steps: number, stepMs: number, restMs = 100) => ({
  ...{ width: side, height: side, steps, latencyMs: restMs + steps * stepMs, denoiseMs: steps * stepMs },
  peakRssBytes: null,
});
const measured = [made(128, 4, 25), made(256, 4, 300), made(256, 2, 200), made(1024, 4, 90_000)];
const asked = (side: number, steps: number, timeoutMs: number) => ({
  width: side,
  height: side,
  steps,
  pictures: 1,
  timeoutMs,
});

describe('the time that a picture needs', () => {
  it.each([
    ['of a size that was measured, by the quickest', asked(256, 10, 2099), asked(256, 10, 2100)],
    ['of a larger one, by its pixels', asked(512, 10, 8399), asked(512, 10, 8400)],
    ['of a larger one than all', asked(2048, 4, 1_440_399), asked(2048, 4, 1_440_400)],
  ])('is known %s', (_, tooLittle, enough) => {
    expect(timeFault(measured, tooLittle)).not.toBeNull();
    expect(timeFault(measured, enough)).toBeNull();
  });

  it('is told with what it was reckoned from, and the remedy', () => {
    expect(timeFault([made(256, 4, 300)], asked(4096, 20, 600_000))).toBe(
      'a picture of 4096x4096 in 20 steps would take 26 min 2 s there, if time grows no faster than pixels, and has 10 min: the quickest of 256x256 took 1.3 s for 4 steps; ask for a smaller size, fewer steps, or more time (--timeout)',
    );
    expect(timeFault([made(256, 4, 300)], asked(256, 4, 1000))).not.toContain('pixels');
    expect(timeFault([made(256, 1, 300)], asked(256, 1, 100))).toMatch(/ in 1 step would .* for 1 step;/);
  });

  it('is that of all pictures of a bench', () => {
    expect(timeFault(measured, { ...asked(256, 10, 4200), pictures: 2 })).toBeNull();
    expect(timeFault(measured, { ...asked(256, 10, 4199), pictures: 2 })).toMatch(
      /^2 pictures of 256x256 in 10 steps would take 4.2 s there, and have 4.2 s: /,
    );
  });

  it('is not known from larger pictures, nor from none', () => {
    expect(timeFault([made(512, 4, 1e6)], asked(256, 4, 1))).toBeNull();
    expect(timeFault([], asked(256, 4, 1))).toBeNull();
  });
});
