// Noise levels of Karras et al. 2022 (Elucidating the Design Space of Diffusion-Based Generative Models, formula 5).
import { positiveOf, type SchedulerConfig } from './settings.ts';

/** The value of the paper. */
const RHO = 7;

interface Levels {
  readonly largest: number;
  readonly smallest: number;
  readonly steps: number;
}

/**
 * `steps` levels from the largest down to the smallest.
 *
 * @param config its `sigma_max` and `sigma_min` take their place, also in the settings of a class that declares none, as in diffusers
 * @throws RangeError that names the setting
 */
export function karrasSigmas(config: SchedulerConfig, { largest, smallest, steps }: Levels): number[] {
  const [most, least] = [positiveOf(config, 'sigma_max', largest), positiveOf(config, 'sigma_min', smallest)];
  const [high, low] = [most ** (1 / RHO), least ** (1 / RHO)];
  const stride = steps > 1 ? 1 / (steps - 1) : 0;
  return Array.from({ length: steps }, (_, i) => (high + i * stride * (low - high)) ** RHO);
}

/**
 * The step of training at which the noise is as strong, between two steps where none is.
 *
 * @param levels noise over picture at each step of training, rising
 */
export function timestepOfSigma(levels: Float32Array, sigma: number): number {
  const wanted = Math.log(Math.max(sigma, 1e-10));
  const logOf = (index: number): number => Math.fround(Math.log(levels[index] as number));
  let below = 0;
  while (below < levels.length - 2 && logOf(below + 1) <= wanted) below++;
  const [low, high] = [logOf(below), logOf(below + 1)];
  const share = Math.min(1, Math.max(0, (low - wanted) / (low - high)));
  return (1 - share) * below + share * (below + 1);
}
