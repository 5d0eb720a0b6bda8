import { describe, expect, it } from 'vitest';
import type { FitMeasurement, FitTarget } from '../../shared/fit.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { chooseFit } from './choose-fit.ts';

const made = (side: number, steps: number, { restMs = 10, stepMs = 1, peak = null as number | null } = {}) =>
  ({
    ...{ width: side, height: side, steps, latencyMs: restMs + steps * stepMs, denoiseMs: steps * stepMs },
    peakRssBytes: peak,
  }) satisfies FitMeasurement;

describe('chooseFit', () => {
  const measured = [
    made(64, 20, { restMs: 10, stepMs: 10, peak: 100e6 }),
    made(128, 10, { restMs: 40, stepMs: 40, peak: 200e6 }),
    made(256, 20, { restMs: 160, stepMs: 160, peak: null }),
  ];

  it.each<[string, FitTarget, object, object]>([
    ['all that there is', { latencyMs: 10_000 }, {}, { width: 256, steps: 20, expectedLatencyMs: 3360 }],
    ['fewer steps before a smaller size', { latencyMs: 2000 }, {}, { width: 256, steps: 11 }],
    ['a smaller size below half of the steps', { latencyMs: 1000 }, {}, { width: 128, steps: 20 }],
    ['by memory, of the sizes whose peak is known', { memoryBytes: 250e6 }, {}, { width: 128, steps: 20 }],
    ['by both', { memoryBytes: 250e6, latencyMs: 500 }, {}, { width: 128, steps: 11 }],
    ['steps that the request fixes', { latencyMs: 1000 }, { steps: 5 }, { width: 256, steps: 5 }],
    ['a size that the request fixes', { latencyMs: 1000 }, { width: 64, height: 64 }, { width: 64, steps: 20 }],
  ])('takes %s', (_, target, bounds, expected) => {
    expect(chooseFit(measured, target, { usualSteps: 20, ...bounds })).toMatchObject({ kind: 'fits', ...expected });
  });

  it.each<[FitTarget, object, RegExp]>([
    [{ latencyMs: 100 }, {}, /256x256 takes 1\.76 s .*; 64x64 takes 110 ms with 10 steps \(the fewest/],
    [
      { memoryBytes: 50e6 },
      {},
      /256x256 its peak memory is not known.*64x64 takes 100 MB at its peak, 50\.0 MB too much/,
    ],
    [{ latencyMs: 100 }, { width: 512 }, /no picture of 512xany was measured there yet/],
  ])('refuses %o with numbers', (target, bounds, why) => {
    const choice = chooseFit(measured, target, { usualSteps: 20, ...bounds });
    expect(choice).toMatchObject({ kind: 'none', message: expect.stringMatching(why) });
  });

  it('meets the target, and no larger size or further step would', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const uniform = mulberry32(seed);
    const upTo = (most: number) => 1 + Math.floor(uniform() * most);
    for (let round = 0; round < 2000; round++) {
      const usualSteps = upTo(30);
      const sides = Array.from({ length: upTo(6) }, (_, i) => (i + 1) * 32);
      const costs = new Map(sides.map((side) => [side, { restMs: upTo(50), stepMs: upTo(50), peak: upTo(1e9) }]));
      const runs = sides.flatMap((side) =>
        Array.from({ length: upTo(4) }, () => made(side, upTo(30), costs.get(side))),
      );
      const target: FitTarget = { latencyMs: upTo(2000), ...(uniform() < 0.5 && { memoryBytes: upTo(1e9) }) };
      const choice = chooseFit(shuffled(runs, uniform), target, { usualSteps });
      const meets = (side: number, steps: number) => {
        const { restMs, stepMs, peak } = costs.get(side) ?? { restMs: 0, stepMs: 0, peak: 0 };
        return restMs + steps * stepMs <= (target.latencyMs ?? 0) + 1e-9 && peak <= (target.memoryBytes ?? 1e12);
      };
      const able = sides.filter((side) => meets(side, Math.ceil(usualSteps / 2)));
      const where = `seed ${seed}, round ${round}`;
      if (choice.kind === 'none') {
        expect(able, where).toEqual([]);
        continue;
      }
      expect(choice.width, where).toBe(Math.max(...able));
      expect(meets(choice.width, choice.steps), where).toBe(true);
      expect(choice.steps === usualSteps || !meets(choice.width, choice.steps + 1 + 1e-6), where).toBe(true);
    }
  });

  it('never gives less for a looser target', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const uniform = mulberry32(seed);
    for (let round = 0; round < 1000; round++) {
      const runs = [32, 64, 96].map((side) =>
        made(side, 8, { restMs: uniform() * side, stepMs: uniform() * side, peak: 1e6 * side }),
      );
      const latencyMs = 1 + uniform() * 1000;
      const [tight, loose] = [latencyMs, latencyMs * (1 + uniform())].map((ms) =>
        chooseFit(runs, { latencyMs: ms }, { usualSteps: 12 }),
      );
      if (tight?.kind !== 'fits') continue;
      expect(loose?.kind, `seed ${seed}, round ${round}`).toBe('fits');
      if (loose?.kind !== 'fits') continue;
      const less = loose.width < tight.width || (loose.width === tight.width && loose.steps < tight.steps);
      expect(less, `seed ${seed}, round ${round}`).toBe(false);
    }
  });
});

function shuffled<T>(values: readonly T[], uniform: () => number): T[] {
  return values
    .map((value) => ({ value, key: uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
