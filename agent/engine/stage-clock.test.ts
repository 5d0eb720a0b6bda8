import { expect, it } from 'vitest';
import { stageClock, stepClock } from './stage-clock.ts';

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

it('times each denoising step by itself', () => {
  let nowMs = 0;
  const steps = stepClock(() => nowMs);
  for (const [stage, done, ms] of [
    ['encode', 0, 3],
    ['denoise', 0, 10],
    ['denoise', 1, 12],
    ['denoise', 2, 1],
    ['decode', 0, 5],
  ] as const) {
    steps.reach({ stage, done });
    nowMs += ms;
  }
  expect(steps.stepsMs).toEqual([10, 12]);
});
