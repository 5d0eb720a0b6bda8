import { describe, expect, it } from 'vitest';
import { eulerStep, flowMatchEuler } from './flow-match-euler.ts';

const config = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000 };

describe('flowMatchEuler', () => {
  it('shifts the smallest level twice, as diffusers does', () => {
    const sigmas = [...flowMatchEuler({ ...config, shift: 3 }).sigmas(4)];
    for (const [i, expected] of [1, 0.8577, 0.6022, 0.0089, 0].entries()) expect(sigmas[i]).toBeCloseTo(expected, 4);
  });

  it('gives one step from pure noise to the picture', () => {
    expect([...flowMatchEuler(config).sigmas(1)]).toEqual([1, 0]);
  });

  it('tells the denoiser the level times the number of training steps', () => {
    expect(flowMatchEuler(config).timestep(0.25)).toBe(250);
  });

  it.each([
    [{ _class_name: 'DDIMScheduler' }, 'known: FlowMatchEulerDiscreteScheduler'],
    [{ ...config, use_dynamic_shifting: true }, 'use_dynamic_shifting is not supported'],
    [{ ...config, shift_terminal: 0.1 }, 'shift_terminal is not supported'],
    [{ ...config, shift: 0 }, 'shift is 0; expected a positive number'],
    [{ ...config, num_train_timesteps: '1000' }, 'num_train_timesteps is "1000"'],
  ])('refuses %o', (wrong, why) => expect(() => flowMatchEuler(wrong)).toThrow(why));
});

it('steps along the velocity', () => {
  const sample = Float32Array.of(1, -2, 0.5);
  eulerStep(sample, Float32Array.of(4, 0, -2), 1, 0.75);
  expect([...sample]).toEqual([0, -2, 1]);
});
