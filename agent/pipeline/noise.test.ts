import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { noiseSource, randn } from './noise.ts';

const digestOf = (values: Float32Array): string =>
  createHash('md5').update(new Uint8Array(values.buffer)).digest('hex');

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

  // hashlib.md5(torch.randn(count, generator=torch.Generator().manual_seed(seed)).numpy().tobytes()), torch 2.15, AVX2.
  it.each([
    [7, 4096, 'eddcd5f31d643a7f5e08e76e8c54e3c0'],
    [3, 1003, '1c939392297f07812272201b928d95e1'],
  ])('is torch’s to the last bit: seed %i, %i values', (seed, count, digest) => {
    expect(digestOf(randn(seed, count))).toBe(digest);
  });

  it('goes on where a source stopped', () => {
    const source = noiseSource(5);
    source.randn(100);
    expect(digestOf(source.randn(4 * 64 * 64))).toBe('41efd6028017736a654c713ace5d49b3');
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
