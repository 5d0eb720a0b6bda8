// Every scheduler, step by step, against diffusers (test/golden/schedulers*.json, written by the toolkit's
// `parity_schedulers`; STILL_PARITY names a folder with others, as `npm run parity` makes them).
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { randn } from '../../agent/pipeline/noise.ts';
import { openScheduler } from '../../agent/pipeline/schedulers/open-scheduler.ts';

interface Vectors {
  readonly values: number;
  /** How much of a model's output is the sample, how much noise. */
  readonly outputShares?: { sample: number; noise: number };
  readonly cases: {
    config: Record<string, unknown>;
    flow?: { mu?: number; sigmas?: number[] };
    steps: number;
    seed: number;
    timesteps: number[];
    initNoiseSigma: number;
    firstInput: number[];
    lastInput: number[];
    samples: number[][];
  }[];
}
const { STILL_PARITY } = process.env;
const folder = STILL_PARITY ? pathToFileURL(`${STILL_PARITY}/`) : new URL('../golden/', import.meta.url);
const read = (name: string): Vectors => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const files = ['schedulers.json', 'schedulers-multistep.json'].map(read);
const { values } = files[0] as Vectors;
const PURE_NOISE = { sample: 0, noise: 1 };
const cases = files.flatMap((file) => file.cases.map((one) => ({ ...one, shares: file.outputShares ?? PURE_NOISE })));
const TOLERANCE = 1e-5;

/** The largest difference, relative to values above 1: float32 itself is no finer there. */
function difference(ours: Float32Array, theirs: readonly number[]): number {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...theirs.map((value, i) => Math.abs((ours[i] as number) - value) / Math.max(1, Math.abs(value))));
}

const named = cases.map(
  (one) => [`${JSON.stringify(one.config)} ${JSON.stringify(one.flow ?? {})} in ${one.steps} steps`, one] as const,
);

it('has vectors of every scheduler', () => {
  expect(new Set(cases.map(({ config }) => config._class_name)).size).toBe(8);
});

describe('a scheduler agrees with diffusers', () => {
  it.each(named)('%s', (_, { config, flow = {}, steps, seed, shares, ...expected }) => {
    const schedule = openScheduler(config).schedule(steps, flow);
    expect(schedule.timesteps.length).toBe(expected.timesteps.length);
    expect(difference(Float32Array.from(schedule.timesteps), expected.timesteps)).toBeLessThan(1e-6);
    expect(difference(Float32Array.of(schedule.initNoiseSigma), [expected.initNoiseSigma])).toBeLessThan(TOLERANCE);
    let sample: Float32Array = randn(seed, values).map((value) => value * schedule.initNoiseSigma);
    for (let step = 0; step < schedule.timesteps.length; step++) {
      const input = schedule.scaleModelInput(sample, step);
      if (step === 0) expect(difference(input, expected.firstInput)).toBeLessThan(TOLERANCE);
      if (step === schedule.timesteps.length - 1) expect(difference(input, expected.lastInput)).toBeLessThan(TOLERANCE);
      const given = randn(seed + 1 + step, values);
      const modelOutput = sample.map((value, i) => value * shares.sample + (given[i] as number) * shares.noise);
      const noise = schedule.takesNoise(step) ? { noise: randn(seed + 500 + step, values) } : {};
      sample = schedule.step({ step, sample, modelOutput, ...noise });
      expect(difference(sample, expected.samples[step] as number[]), `step ${step}`).toBeLessThan(TOLERANCE);
    }
  });
});

const known = { _class_name: 'DDIMScheduler' };
describe('a damaged scheduler_config.json is refused', () => {
  it.each([
    [{ _class_name: 'constructor' }, 'known: DDIMScheduler'],
    [{ ...known, num_train_timesteps: 1e12 }, 'num_train_timesteps is 1000000000000'],
    [{ ...known, beta_schedule: 'sigmoid' }, 'known: linear, scaled_linear, squaredcos_cap_v2'],
    [{ ...known, beta_end: 3 }, 'beta_end 3'],
    [{ ...known, trained_betas: [0.1, 0.2] }, 'trained_betas is not supported'],
    [
      { _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: true, use_exponential_sigmas: true },
      'use_karras_sigmas and use_exponential_sigmas: set one',
    ],
    [{ _class_name: 'EulerDiscreteScheduler', use_beta_sigmas: true }, 'use_beta_sigmas is not supported'],
    [{ _class_name: 'UniPCMultistepScheduler', solver_order: 4 }, 'solver_order is 4'],
    [
      { _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'dpmsolver' },
      'known: dpmsolver++, sde-dpmsolver++',
    ],
    [{ _class_name: 'LCMScheduler', original_inference_steps: 2000 }, 'original_inference_steps is 2000'],
  ])('%o', (config, why) => expect(() => openScheduler(config)).toThrow(why));

  it.each([0, 1.5, 1001])('%d steps', (steps) => {
    expect(() => openScheduler(known).schedule(steps)).toThrow('takes 1 to 1000');
  });
});
