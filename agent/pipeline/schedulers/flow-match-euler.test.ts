import { describe, expect, it } from 'vitest';
import { flowMatchEuler } from './flow-match-euler.ts';

const config = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000 };

describe('flowMatchEuler', () => {
  it('shifts the smallest level twice, as diffusers does', () => {
    const { timesteps } = flowMatchEuler({ ...config, shift: 3 }).schedule(4);
    for (const [i, expected] of [1000, 857.7, 602.2, 8.9].entries()) expect(timesteps[i]).toBeCloseTo(expected, 0);
  });

  it('gives one step from pure noise to the picture', () => {
    const schedule = flowMatchEuler(config).schedule(1);
    expect(schedule.timesteps).toEqual([1000]);
    const sample = schedule.step({ step: 0, sample: Float32Array.of(1, -2), modelOutput: Float32Array.of(4, 0.5) });
    expect([...sample]).toEqual([-3, -2.5]);
  });

  it('steps along the velocity', () => {
    const schedule = flowMatchEuler(config).schedule(2, { sigmas: [1, 0.75] });
    const at = { step: 0, sample: Float32Array.of(1, -2, 0.5), modelOutput: Float32Array.of(4, 0, -2) };
    expect([...schedule.step(at)]).toEqual([0, -2, 1]);
  });

  it.each([
    [{ ...config, stochastic_sampling: true }, 'stochastic_sampling is not supported'],
    [{ ...config, shift_terminal: 0.1 }, 'shift_terminal is not supported'],
    [{ ...config, shift: 0 }, 'shift is 0; expected a positive number'],
    [{ ...config, num_train_timesteps: '1000' }, 'num_train_timesteps is "1000"'],
  ])('refuses %o', (wrong, why) => expect(() => flowMatchEuler(wrong)).toThrow(why));

  it('wants to be told the shift where it depends on the picture', () => {
    expect(() => flowMatchEuler({ ...config, use_dynamic_shifting: true }).schedule(4)).toThrow('use_dynamic_shifting');
  });
});
