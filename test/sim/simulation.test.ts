import { describe, expect, it } from 'vitest';
import { keptSeeds } from './kept-seeds.ts';
import { simulate } from './simulation.ts';

const MINUTE_MS = 60_000;
const said = ({ violation }: { violation: Error | null }) => violation?.message ?? 'no violation';

describe('a simulated fleet', () => {
  it('is the same at every run of a seed, and another one with another seed', async () => {
    const options = { devices: 6, lastsMs: 30 * MINUTE_MS };
    const first = await simulate({ ...options, seed: 7 });
    const again = await simulate({ ...options, seed: 7 });
    const other = await simulate({ ...options, seed: 8 });
    expect(again).toEqual(first);
    // Whoever asks the real disk, or the real time, does so where engines start.
    expect(first.committed).toBeGreaterThan(0);
    expect(other.digest).not.toBe(first.digest);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('holds its invariants: short seed %i', async (seed) => {
    const report = await simulate({ seed: 1000 + seed, devices: 5, lastsMs: 15 * MINUTE_MS });
    expect(said(report)).toBe('no violation');
    expect(report.steps).toBeGreaterThan(150);
  });

  it.each(keptSeeds)('does no longer what it once did: $was', async ({ seed, devices, minutes, isPlain }) => {
    expect(said(await simulate({ seed, devices, isPlain, lastsMs: minutes * MINUTE_MS }))).toBe('no violation');
  });
});
