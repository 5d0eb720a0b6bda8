import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { qualityScore } from './quality.ts';
import { bootstrapMean, mean, mulberry32, percentile, quantile, standardDeviation } from './statistics.ts';

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
    const interval = bootstrapMean(values);
    expect(interval).toEqual(bootstrapMean(values));
    expect(interval.low).toBeLessThan(mean(values));
    expect(interval.high).toBeGreaterThan(mean(values));
    // Normal theory: ± 1.96 · 0.289 / √200 = ± 0.040.
    expect(interval.high - interval.low).toBeCloseTo(0.08, 1);
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
