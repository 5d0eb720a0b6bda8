import { expect, it } from 'vitest';
import { stageClock } from './stage-clock.ts';

it('adds up each stage, entered once or in turns', () => {
  let nowMs = 0;
  const stages = stageClock(() => nowMs);
  for (const [stage, ms] of [
    ['tokenize', 1],
    ['denoise', 10],
    ['denoise', 10],
    ['decode', 3],
    ['denoise', 5],
  ] as const) {
    stages.enter(stage);
    nowMs += ms;
  }
  expect(stages.end()).toEqual({ tokenize: 1, denoise: 25, decode: 3 });
});
