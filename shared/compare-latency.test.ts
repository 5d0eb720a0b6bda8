import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareLatency, medianInterval } from './compare-latency.ts';
import { mulberry32 } from './statistics.ts';

const steady = [10, 10.5, 11];

/** Pairs whose B takes `ratio` of A's time, with noise of both and a drift of the machine that both share. */
function pairs(count: number, ratio: number, { noise = 0.05, afterFirst = 1, seed = 1 } = {}): [number, number][] {
  const uniform = mulberry32(seed);
  const jitter = () => 1 + noise * (uniform() - 0.5) * 2;
  return Array.from({ length: count }, (_, i) => {
    const machine = 10 + 5 * Math.sin(i / 9);
    const [a, b] = [machine * jitter(), machine * ratio * jitter()];
    return i % 2 === 0 ? [a, b * afterFirst] : [a * afterFirst, b];
  });
}

describe('compareLatency', () => {
  it.each([
    [0.9, 'b-faster'],
    [1.1, 'a-faster'],
    [1, 'equal'],
  ])('sees that B takes %d of the time through a drift of half the latency', (ratio, kind) => {
    const verdict = compareLatency(pairs(128, ratio, { noise: 0.03 }), steady);
    expect(verdict).toMatchObject({ kind, reason: '' });
    expect(verdict.low).toBeLessThanOrEqual(ratio * 1.01);
    expect(verdict.high).toBeGreaterThanOrEqual(ratio * 0.99);
  });

  it.each([
    ['too few pairs', pairs(15, 0.5), steady, '15 pairs were measured, at least 16'],
    ['noise beyond the difference', pairs(24, 0.99, { noise: 0.5 }), steady, 'holds 1'],
    ['a difference that may be none', pairs(64, 0.975, { noise: 0.06 }), steady, 'count as equal'],
    [
      'a machine that something else used',
      pairs(64, 0.8),
      [10, 25],
      '2.5 times as long at one moment of the run as at another: something else used the machine; repeat it',
    ],
    ['an effect of the order', pairs(64, 1, { afterFirst: 0.7, noise: 0.02 }), steady, 'runs first decides'],
    ['an order that turns it', pairs(64, 0.93, { afterFirst: 0.9, noise: 0.02 }), steady, 'runs first decides'],
  ])('refuses: %s', (_, measured, probes, why) => {
    const verdict = compareLatency(measured, probes);
    expect(verdict.kind).toBe('unknown');
    expect(verdict.reason).toContain(why);
  });

  it.each([
    [0.5, 'b-faster'],
    [2, 'a-faster'],
  ])(
    'says that B takes %d of the time where it does so in either order, by an interval that holds both',
    (ratio, kind) => {
      const verdict = compareLatency(pairs(64, ratio, { afterFirst: 0.9, noise: 0.02 }), steady, [
        'something else ran',
      ]);
      expect(verdict).toMatchObject({ kind, reason: '' });
      expect(verdict.low).toBeLessThanOrEqual(ratio * 0.9);
      expect(verdict.high).toBeGreaterThanOrEqual(ratio / 0.9);
    },
  );

  it('is wrong about equal versions at most as often as it says', () => {
    const wrong = Array.from({ length: 400 }, (_, seed) => compareLatency(pairs(24, 1, { noise: 0.3, seed }), steady))
      .map(({ kind }) => kind)
      .filter((kind) => kind === 'a-faster' || kind === 'b-faster');
    expect(wrong.length).toBeLessThan(400 * 0.05);
  });
});

describe('beside other work', () => {
  const busy = ['other processes used 49 % of the processors'];
  const file = new URL('../test/golden/same-version-pairs.json', import.meta.url);
  const { runs }: { runs: [number, number][][] } = JSON.parse(readFileSync(file, 'utf8'));

  it.each(runs.map((run, i) => [i, run] as const))('a version is not told apart from itself: run %d', (_, run) => {
    const { kind, reason, low, ratio, high } = compareLatency(run, steady, busy);
    expect({ kind, reason }).toEqual({ kind: 'unknown', reason: expect.stringContaining('other processes used 49 %') });
    expect([low, ratio, high]).toEqual([low, ratio, high].sort((one, other) => Number(one) - Number(other)));
  });

  it('tells what no such thing explains', () => {
    expect(compareLatency(pairs(128, 0.6), steady, busy).kind).toBe('b-faster');
    expect(compareLatency(pairs(128, 0.9, { noise: 0.03 }), steady, busy).kind).toBe('unknown');
  });

  it('has an interval that holds where neighbouring pairs suffer together', () => {
    // A load that falls upon A for 21 pairs, and upon B in two waves of eight: eight observations, not 168.
    const waves = Array.from({ length: 168 }, (_, i): [number, number] =>
      [2, 5].includes(Math.floor(i / 21)) ? [10, 13 + (i % 3)] : [13 + (i % 3), 10],
    );
    const { kind, low, high } = compareLatency(waves, steady);
    expect(kind).toBe('unknown');
    expect([Number(low) < 1, Number(high) > 1]).toEqual([true, true]);
  });
});

describe('medianInterval', () => {
  it('takes the ranks of the tables: 3rd and 10th of 12, 10th and 23rd of 32', () => {
    const first = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
    expect(medianInterval(first(12))).toEqual({ low: 3, high: 10 });
    expect(medianInterval(first(32))).toEqual({ low: 10, high: 23 });
  });

  it('promises nothing of five values', () => {
    expect(medianInterval([1, 2, 3, 4, 5])).toEqual({ low: 0, high: Infinity });
  });
});
