// Flow-matching Euler steps as diffusers' FlowMatchEulerDiscreteScheduler takes them (Esser et al. 2024).
import { elementwise } from '../elementwise.ts';
import { addNoise } from './add-noise.ts';
import type { FlowSettings, Scheduler } from './scheduler.ts';
import { choiceOf, countOf, positiveOf, refuse, requireSteps, type SchedulerConfig } from './settings.ts';

/** Settings of diffusers that change the noise levels in ways not done here: a config that sets one is refused. */
const UNSUPPORTED = [
  'use_karras_sigmas',
  'use_exponential_sigmas',
  'use_beta_sigmas',
  'invert_sigmas',
  'stochastic_sampling',
  'shift_terminal',
] as const;

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function flowMatchEuler(config: SchedulerConfig): Scheduler {
  refuse(config, UNSUPPORTED);
  const trainSteps = countOf(config, 'num_train_timesteps', 1000);
  const levels = noiseLevels(config, trainSteps);
  return {
    schedule(steps, flow = {}) {
      requireSteps(steps, trainSteps);
      const sigmas = levels(steps, flow);
      return {
        timesteps: Array.from(sigmas.subarray(0, -1), (sigma) => Math.fround(sigma * trainSteps)),
        initNoiseSigma: 1,
        takesNoise: () => false,
        noisy(latents, noise, step) {
          const sigma = sigmas[step] as number;
          return addNoise(latents, noise, { alpha: 1 - sigma, sigma });
        },
        scaleModelInput: (sample) => sample,
        step({ step, sample, modelOutput }) {
          const change = (sigmas[step + 1] as number) - (sigmas[step] as number);
          return elementwise([sample, modelOutput], ([noisy, velocity], { plus, times }) =>
            plus(noisy, times(velocity, change)),
          );
        },
      };
    },
  };
}

/** float32 [steps + 1] from the largest down to a final 0. */
function noiseLevels(config: SchedulerConfig, trainSteps: number) {
  const shift = positiveOf(config, 'shift', 1);
  const dynamic = config.use_dynamic_shifting === true;
  const exponential = choiceOf(config, 'time_shift_type', ['exponential', 'linear']) === 'exponential';
  const byShift = (sigma: number): number => (shift * sigma) / (1 + (shift - 1) * sigma);
  const byMu = (sigma: number, mu: number): number => {
    const strength = exponential ? Math.exp(mu) : mu;
    return sigma === 0 ? 0 : strength / (strength + (1 / sigma - 1));
  };
  // Without levels of the caller diffusers starts from its own, already shifted, largest and smallest sigma and shifts
  // the levels between them once more, so that the smallest of N steps has been shifted twice.
  const largest = dynamic ? 1 : Math.fround(byShift(1));
  const trained = Math.fround(1 / trainSteps);
  const smallest = dynamic ? trained : Math.fround(byShift(trained));
  return (steps: number, { mu, sigmas, sigmaMin = smallest }: FlowSettings): Float32Array => {
    if (dynamic && mu === undefined)
      throw new RangeError('scheduler setting use_dynamic_shifting needs a pipeline that knows its shift');
    const stride = steps > 1 ? (sigmaMin - largest) / (steps - 1) : 0;
    const levels = new Float32Array(steps + 1);
    for (let i = 0; i < steps; i++) {
      const level = sigmas ? Math.fround(sigmas[i] as number) : largest + i * stride;
      levels[i] = dynamic ? byMu(level, mu as number) : byShift(level);
    }
    return levels;
  };
}
