// Euler steps that go below the next noise level and add noise up to it, as diffusers' EulerAncestralDiscreteScheduler.
import { addNoise } from './add-noise.ts';
import { originalSharesAtSigma } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, refuse, type SchedulerConfig } from './settings.ts';
import { sigmaSchedules, toUnitVariance } from './sigma-schedule.ts';

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function eulerAncestral(config: SchedulerConfig): Scheduler {
  refuse(config, ['use_karras_sigmas']);
  const scheduled = sigmaSchedules(config);
  // The reference refuses `sample` here, so there is nothing to agree with.
  const type = choiceOf(config, 'prediction_type', ['epsilon', 'v_prediction']);
  return {
    schedule(steps) {
      const { timesteps, sigmas, initNoiseSigma } = scheduled(steps);
      return {
        timesteps,
        initNoiseSigma,
        // The reference draws at the last step, too, and multiplies by 0; a shared generator must stay in step.
        takesNoise: () => true,
        noisy: (latents, noise, step) => addNoise(latents, noise, [1, sigmas[step] as number]),
        scaleModelInput: (sample, step) => toUnitVariance(sample, sigmas[step] as number),
        step({ step, sample, modelOutput, noise }) {
          if (!noise) throw new RangeError('noise: missing; Euler ancestral adds noise at every step');
          const [sigma, next] = [sigmas[step] as number, sigmas[step + 1] as number];
          const up = Math.sqrt((next ** 2 * (sigma ** 2 - next ** 2)) / sigma ** 2);
          const down = Math.sqrt(Math.max(next ** 2 - up ** 2, 0));
          const [ofSample, ofOutput] = originalSharesAtSigma(type, sigma);
          const moved = new Float32Array(sample.length);
          for (let i = 0; i < moved.length; i++) {
            const value = sample[i] as number;
            const found = ofSample * value + ofOutput * (modelOutput[i] as number);
            moved[i] = value + ((value - found) / sigma) * (down - sigma) + (noise[i] as number) * up;
          }
          return moved;
        },
      };
    },
  };
}
