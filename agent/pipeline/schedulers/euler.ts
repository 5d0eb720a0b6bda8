// Euler steps over noise levels (Karras et al. 2022, algorithm 2 without churn), as diffusers' EulerDiscreteScheduler.
import { addNoise } from './add-noise.ts';
import { originalSharesAtSigma, PREDICTION_TYPES } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, type SchedulerConfig } from './settings.ts';
import { sigmaSchedules, toUnitVariance } from './sigma-schedule.ts';

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function euler(config: SchedulerConfig): Scheduler {
  const scheduled = sigmaSchedules(config);
  const type = choiceOf(config, 'prediction_type', PREDICTION_TYPES);
  return {
    schedule(steps) {
      const { timesteps, sigmas, initNoiseSigma } = scheduled(steps);
      return {
        timesteps,
        initNoiseSigma,
        takesNoise: () => false,
        noisy: (latents, noise, step) => addNoise(latents, noise, [1, sigmas[step] as number]),
        scaleModelInput: (sample, step) => toUnitVariance(sample, sigmas[step] as number),
        step({ step, sample, modelOutput }) {
          const [sigma, next] = [sigmas[step] as number, sigmas[step + 1] as number];
          const [ofSample, ofOutput] = originalSharesAtSigma(type, sigma);
          const moved = new Float32Array(sample.length);
          for (let i = 0; i < moved.length; i++) {
            const value = sample[i] as number;
            const found = ofSample * value + ofOutput * (modelOutput[i] as number);
            moved[i] = value + ((value - found) / sigma) * (next - sigma);
          }
          return moved;
        },
      };
    },
  };
}
