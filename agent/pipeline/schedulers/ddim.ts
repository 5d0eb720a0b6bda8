// DDIM without added noise (Song et al. 2020, formula 12 with eta 0), as diffusers' DDIMScheduler takes its steps.
import { elementwise } from '../elementwise.ts';
import { addNoise, sharesOf } from './add-noise.ts';
import { alphasCumprod } from './noise-schedule.ts';
import { dataPrediction, noisePrediction, PREDICTION_TYPES } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, numberOf, requireSteps, type SchedulerConfig } from './settings.ts';
import { roundHalfEven, spacedTimesteps } from './spacing.ts';

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function ddim(config: SchedulerConfig): Scheduler {
  const alphas = alphasCumprod(config, 'to zero');
  const trainSteps = alphas.length;
  const type = choiceOf(config, 'prediction_type', PREDICTION_TYPES);
  const spacing = choiceOf(config, 'timestep_spacing', ['leading', 'linspace', 'trailing']);
  const offset = numberOf(config, 'steps_offset', 0);
  const range = (config.clip_sample ?? true) ? numberOf(config, 'clip_sample_range', 1) : Infinity;
  const last = (config.set_alpha_to_one ?? true) ? 1 : (alphas[0] as number);
  return {
    schedule(steps) {
      requireSteps(steps, trainSteps);
      const timesteps = spacedTimesteps(spacing, { steps, trainSteps, offset }).map(roundHalfEven);
      requireTimesteps(timesteps, trainSteps);
      const stride = Math.floor(trainSteps / steps);
      return {
        timesteps,
        initNoiseSigma: 1,
        takesNoise: () => false,
        noisy: (latents, noise, step) =>
          addNoise(latents, noise, sharesOf(alphas[timesteps[step] as number] as number)),
        scaleModelInput: (sample) => sample,
        step({ step, sample, modelOutput }) {
          const timestep = timesteps[step] as number;
          const alpha = alphas[timestep] as number;
          const next = timestep >= stride ? (alphas[timestep - stride] as number) : last;
          const [level, nextLevel] = [sharesOf(alpha), sharesOf(next)];
          const found = dataPrediction(type, sample, modelOutput, level);
          // The direction comes from what was found before the clipping, as in diffusers.
          const epsilon = noisePrediction(type, sample, modelOutput, level);
          return elementwise([found, epsilon], ([clean, predicted], { plus, times, within }) =>
            plus(times(within(clean, range), nextLevel.alpha), times(predicted, nextLevel.sigma)),
          );
        },
      };
    },
  };
}

function requireTimesteps(timesteps: readonly number[], trainSteps: number): void {
  const largest = timesteps[0] as number;
  if (largest >= trainSteps)
    throw new RangeError(`scheduler setting steps_offset leads to step ${largest}; the last one is ${trainSteps - 1}`);
}
