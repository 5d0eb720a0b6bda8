import { describe, expect, it } from 'vitest';
import { randn } from './noise.ts';

describe('randn', () => {
  // What torch 2 prints for torch.manual_seed(seed); torch.randn(count).
  it.each([
    [0, 16, [-1.1258, -1.1524, -0.2506]],
    [42, 12288, [1.9269, 1.4873, 0.9007]],
    [0, 3, [1.541, -0.2934, -2.1788]],
  ])('begins as torch does: seed %i, %i values', (seed, count, beginning) => {
    const values = randn(seed, count);
    expect(values).toHaveLength(count);
    for (const [i, expected] of beginning.entries()) expect(values[i]).toBeCloseTo(expected, 4);
  });

  it('is normal', () => {
    const values = randn(7, 100_000);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });

  it('takes the largest seed, and each seed gives other values', () => {
    expect([...randn(0xffffffff, 16)]).not.toEqual([...randn(0, 16)]);
    expect([...randn(0xffffffff, 16)].every(Number.isFinite)).toBe(true);
  });
});
