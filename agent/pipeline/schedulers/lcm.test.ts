import { expect, test } from 'vitest';
import { lcm } from './lcm.ts';

const from = (steps: number, strength: number) => lcm({}).scheduleFrom?.(steps, strength).timesteps;

test('all steps are taken over a part of training’s 50, as diffusers counts them', () => {
  // LCMScheduler().set_timesteps(4, original_inference_steps=50, strength=0.5), diffusers 0.42.1
  expect(from(4, 0.5)).toEqual([499, 379, 259, 139]);
  expect(from(4, 1)).toEqual(lcm({}).schedule(4).timesteps);
});

test('more steps than that part has are refused with the numbers', () => {
  expect(() => from(4, 0.07)).toThrow('strength 0.07 leaves 3 of 50 steps of training, and 4 were asked for');
});
