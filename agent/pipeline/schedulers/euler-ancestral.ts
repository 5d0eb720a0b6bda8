// Euler steps that go below the next noise level and add noise up to it, as diffusers' EulerAncestralDiscreteScheduler.
import { addNoise } from './add-noise.ts';
import { dataPredictionAtSigma } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, type SchedulerConfig } from './settings.ts';
import { eulerStep, sigmaSchedules, toUnitVariance } from './sigma-schedule.ts';

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function eulerAncestral(config: SchedulerConfig): Scheduler {
  // Another class's settings, which the reference's does not know and leaves alone.
  const { use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas, ...known } = config;
  const scheduled = sigmaSchedules(known);
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
        noisy: (latents, noise, step) => addNoise(latents, noise, { alpha: 1, sigma: sigmas[step] as number }),
        scaleModelInput: (sample, step) => toUnitVariance(sample, sigmas[step] as number),
        step({ step, sample, modelOutput, noise }) {
          if (!noise) throw new RangeError('noise: missing; Euler ancestral adds noise at every step');
          const [sigma, next] = [sigmas[step] as number, sigmas[step + 1] as number];
          const { up, down } = ancestralLevels(sigma, next);
          const found = dataPredictionAtSigma(type, sample, modelOutput, sigma);
          const moved = eulerStep(sample, found, [sigma, down]);
          return addNoise(moved, noise, { alpha: 1, sigma: up });
        },
      };
    },
  };
}

/** How far below the next noise level to go, and how much noise leads up to it, rounded where the reference rounds. */
function ancestralLevels(sigma: number, next: number): { readonly up: number; readonly down: number } {
  const { fround, sqrt, max } = Math;
  const [from, to] = [fround(sigma * sigma), fround(next * next)];
  const up = fround(sqrt(fround(fround(to * fround(from - to)) / from)));
  return { up, down: fround(sqrt(max(fround(to - fround(up * up)), 0))) };
}
