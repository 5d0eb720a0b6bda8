// Euler steps over noise levels (Karras et al. 2022, algorithm 2 without churn), as diffusers' EulerDiscreteScheduler.
import { addNoise } from './add-noise.ts';
import { dataPredictionAtSigma, PREDICTION_TYPES } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, type SchedulerConfig } from './settings.ts';
import { eulerStep, sigmaSchedules, toUnitVariance } from './sigma-schedule.ts';

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
        noisy: (latents, noise, step) => addNoise(latents, noise, { alpha: 1, sigma: sigmas[step] as number }),
        scaleModelInput: (sample, step) => toUnitVariance(sample, sigmas[step] as number),
        step({ step, sample, modelOutput }) {
          const [sigma, next] = [sigmas[step] as number, sigmas[step + 1] as number];
          return eulerStep(sample, dataPredictionAtSigma(type, sample, modelOutput, sigma), [sigma, next]);
        },
      };
    },
  };
}
