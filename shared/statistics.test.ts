import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { qualityScore } from './quality.ts';
import {
  bootstrap,
  mean,
  middle,
  mulberry32,
  percentile,
  quantile,
  quantileInterval,
  shareInterval,
  standardDeviation,
} from './statistics.ts';

const samples = fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('statistics', () => {
  it('withholds percentiles below the number of samples that they need', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 90)).toBe(90);
    expect(percentile(hundred, 95)).toBeNull();
    expect(percentile(hundred.slice(0, 63), 90)).toBeNull();
  });

  it('gives quantiles that are samples, in order', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const p10 = quantile(values, 0.1);
        const p90 = quantile(values, 0.9);
        expect(values).toContain(p10);
        expect(p10).toBeLessThanOrEqual(p90);
      }),
    );
  });

  it('bootstraps an interval that holds the mean and repeats itself', () => {
    const uniform = mulberry32(7);
    const values = Array.from({ length: 200 }, () => uniform());
    const meanOf = (drawn: Uint32Array) => mean(Array.from(drawn, (unit) => values[unit] ?? 0));
    const interval = middle(bootstrap(values.length, meanOf), 0.95);
    expect(interval).toEqual(middle(bootstrap(values.length, meanOf), 0.95));
    expect(interval.low).toBeLessThan(mean(values));
    expect(interval.high).toBeGreaterThan(mean(values));
    // Normal theory: ± 1.96 · 0.289 / √200 = ± 0.040.
    expect(interval.high - interval.low).toBeCloseTo(0.08, 1);
  });

  it('bounds a quantile by order statistics, and refuses where there are too few', () => {
    const ranks = Array.from({ length: 20 }, (_, i) => i + 1);
    // Tables of the sign test: n = 20, 95 %: the 6th and the 15th.
    expect(quantileInterval(ranks, 0.5, 0.95)).toEqual({ low: 6, high: 15 });
    expect(quantileInterval(ranks.slice(0, 8), 0.5, 0.95)).toEqual({ low: 1, high: 8 });
    expect(quantileInterval(ranks.slice(0, 5), 0.5, 0.95)).toBeNull();
    expect(quantileInterval(ranks, 0.9, 0.95)).toBeNull();
  });

  it('covers the true quantile as often as it says', () => {
    const uniform = mulberry32(11);
    let held = 0;
    for (let round = 0; round < 2000; round++) {
      const interval = quantileInterval(Array.from({ length: 64 }, uniform), 0.9, 0.95);
      if (interval && interval.low <= 0.9 && interval.high >= 0.9) held++;
    }
    expect(held / 2000).toBeGreaterThan(0.94);
  });

  it('bounds a share exactly (Clopper and Pearson)', () => {
    // Their table: 1 of 20 is [0.0013, 0.2487]; 0 of 20 ends at 1 − 0.025^(1/20).
    expect(shareInterval(1, 20, 0.95).low).toBeCloseTo(0.00127, 4);
    expect(shareInterval(1, 20, 0.95).high).toBeCloseTo(0.2487, 3);
    expect(shareInterval(0, 20, 0.95)).toMatchObject({ low: 0, high: expect.closeTo(1 - 0.025 ** (1 / 20), 6) });
    expect(shareInterval(20, 20, 0.95).high).toBe(1);
    expect(shareInterval(0, 0, 0.95)).toEqual({ low: 0, high: 1 });
  });

  it('knows the standard deviation of a textbook example', () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.138, 3);
    expect(standardDeviation([3])).toBe(0);
  });
});

describe('qualityScore', () => {
  it('puts the teacher at 5 and the rest in proportion', () => {
    expect(qualityScore([1, 1, 0.5], [1, 1, 0.5]).score).toBe(5);
    expect(qualityScore([0.5, 0.5], [1, 1])).toMatchObject({ score: 2.5, adherence: 0.5, whole: 0 });
    expect(qualityScore([1, 1], [0.9, 0.9]).score).toBe(5);
  });

  it('refuses lists of different lengths', () => {
    expect(() => qualityScore([1], [1, 1])).toThrow(RangeError);
  });
});
