// Multistep consistency sampling (Luo et al. 2023, Latent Consistency Models), as diffusers' LCMScheduler takes its steps.
import { elementwise } from '../elementwise.ts';
import { addNoise, sharesOf } from './add-noise.ts';
import { alphasCumprod } from './noise-schedule.ts';
import { dataPrediction, PREDICTION_TYPES } from './original-sample.ts';
import type { Schedule, Scheduler } from './scheduler.ts';
import { choiceOf, countOf, numberOf, requireSteps, type SchedulerConfig } from './settings.ts';

/** The data's standard deviation that the boundary condition assumes; fixed in the reference. */
const SIGMA_DATA = 0.5;

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function lcm(config: SchedulerConfig): Scheduler {
  // The reference's own defaults differ from those of the other schedulers.
  const alphas = alphasCumprod(
    { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear', ...config },
    'to zero',
  );
  const type = choiceOf(config, 'prediction_type', PREDICTION_TYPES);
  const originSteps = countOf(config, 'original_inference_steps', 50);
  if (originSteps > alphas.length)
    throw new RangeError(
      `scheduler setting original_inference_steps is ${originSteps}; expected 1 to ${alphas.length}`,
    );
  const stride = Math.floor(alphas.length / originSteps);
  const scaling = numberOf(config, 'timestep_scaling', 10);
  const range = config.clip_sample ? numberOf(config, 'clip_sample_range', 1) : Infinity;
  const over = (steps: number, count: number): Schedule => {
    requireSteps(steps, count);
    const timesteps = Array.from({ length: steps }, (_, i) => {
      const index = Math.floor(i * (count / steps));
      return (count - index) * stride - 1;
    });
    return {
      timesteps,
      initNoiseSigma: 1,
      takesNoise: (step) => step < steps - 1,
      noisy: (latents, noise, step) => addNoise(latents, noise, sharesOf(alphas[timesteps[step] as number] as number)),
      scaleModelInput: (sample) => sample,
      step({ step, sample, modelOutput, noise }) {
        const { fround } = Math;
        const timestep = timesteps[step] as number;
        const alpha = alphas[timestep] as number;
        const scaled = fround(timestep * scaling);
        const square = fround(fround(scaled * scaled) + SIGMA_DATA ** 2);
        const [skip, out] = [fround(SIGMA_DATA ** 2 / square), fround(scaled / fround(Math.sqrt(square)))];
        const found = dataPrediction(type, sample, modelOutput, sharesOf(alpha));
        const denoised = elementwise([found, sample], ([clean, noisy], { plus, times, within }) =>
          plus(times(within(clean, range), out), times(noisy, skip)),
        );
        if (step === steps - 1) return denoised;
        if (!noise) throw new RangeError('noise: missing; LCM adds noise at every step but the last');
        return addNoise(denoised, noise, sharesOf(alphas[timesteps[step + 1] as number] as number));
      },
    };
  };
  return {
    schedule: (steps) => over(steps, originSteps),
    scheduleFrom(steps, strength) {
      const count = Math.trunc(originSteps * strength);
      if (steps <= count) return over(steps, count);
      const share = `strength ${strength} leaves ${count} of ${originSteps} steps of training`;
      throw new RangeError(`${share}, and ${steps} were asked for; ask for fewer, or for more strength`);
    },
  };
}
