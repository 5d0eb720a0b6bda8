// Noise levels by a formula of their own, in the place of those at the visited steps of training.
import { positiveOf, type SchedulerConfig } from './settings.ts';

/** The value of the paper. */
const RHO = 7;

interface Bounds {
  readonly largest: number;
  readonly smallest: number;
  readonly steps: number;
}

/**
 * The levels that a config asks for, from the largest down to the smallest: `use_karras_sigmas` (Karras et al. 2022,
 * Elucidating the Design Space of Diffusion-Based Generative Models, formula 5) or `use_exponential_sigmas` (k-diffusion's
 * get_sigmas_exponential).
 *
 * @param config its `sigma_max` and `sigma_min` take the bounds' place, also in the settings of a class that declares none, as in diffusers
 * @returns null where it asks for neither
 * @throws RangeError that names the setting
 */
export function spacedSigmas(config: SchedulerConfig): ((bounds: Bounds) => number[]) | null {
  const [karras, exponential] = [config.use_karras_sigmas === true, config.use_exponential_sigmas === true];
  if (karras && exponential)
    throw new RangeError('scheduler settings use_karras_sigmas and use_exponential_sigmas: set one of them');
  if (!karras && !exponential) return null;
  const [from, to] = karras
    ? [(sigma: number) => sigma ** (1 / RHO), (value: number) => value ** RHO]
    : [Math.log, Math.exp];
  return ({ largest, smallest, steps }) => {
    const [high, low] = [
      from(positiveOf(config, 'sigma_max', largest)),
      from(positiveOf(config, 'sigma_min', smallest)),
    ];
    const stride = steps > 1 ? 1 / (steps - 1) : 0;
    return Array.from({ length: steps }, (_, i) => to(high + i * stride * (low - high)));
  };
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
