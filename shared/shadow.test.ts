import { expect, it } from 'vitest';
import { summariseShadow } from './shadow.ts';

const pair = (a: number, b: number, adherence: readonly [number, number] | null = null) => ({
  ...{ latencyMs: [a, b] as const, meanAbsoluteDifference: 4, sameLabels: 0.5, adherence },
});

it('says nothing of nothing', () => {
  expect(summariseShadow([])).toMatchObject({ pairs: 0, latencyRatio: null, sameLabels: null, adherence: null });
});

it('compares the same requests, with an interval once there are enough', () => {
  const few = Array.from({ length: 5 }, () => pair(100, 50));
  expect(summariseShadow(few)).toMatchObject({ pairs: 5, latencyRatio: 0.5, latencyRatioLow: null });
  const enough = [40, 45, 50, 50, 55, 60].map((ms) => pair(100, ms));
  expect(summariseShadow(enough)).toMatchObject({ latencyRatio: 0.5, latencyRatioLow: 0.4, latencyRatioHigh: 0.6 });
});

it('takes adherence from the judged pairs alone', () => {
  const summary = summariseShadow([pair(1, 1, [0.5, 1]), pair(1, 1), { ...pair(1, 1, [1, 1]), sameLabels: null }]);
  expect(summary).toMatchObject({ judged: 2, adherence: 0.75, adherenceShadow: 1, sameLabels: 0.5 });
});
