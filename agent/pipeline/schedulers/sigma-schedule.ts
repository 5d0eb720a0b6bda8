// The schedule that Euler and Euler ancestral share: noise levels at the visited steps of training, or by a formula.
import { elementwise } from '../elementwise.ts';
import { alphasCumprod, trainingSigmas } from './noise-schedule.ts';
import { choiceOf, numberOf, refuse, requireSteps, type SchedulerConfig } from './settings.ts';
import { spacedSigmas, timestepOfSigma } from './spaced-sigmas.ts';
import { spacedTimesteps } from './spacing.ts';

const UNSUPPORTED = ['use_beta_sigmas'] as const;

export interface SigmaSchedule {
  readonly timesteps: readonly number[];
  /** float32 [steps + 1], falling, the last one 0. */
  readonly sigmas: Float32Array;
  readonly initNoiseSigma: number;
}

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function sigmaSchedules(config: SchedulerConfig): (steps: number) => SigmaSchedule {
  refuse(config, UNSUPPORTED);
  choiceOf(config, 'interpolation_type', ['linear']);
  choiceOf(config, 'final_sigmas_type', ['zero']);
  choiceOf(config, 'timestep_type', ['discrete']);
  const spacing = choiceOf(config, 'timestep_spacing', ['linspace', 'leading', 'trailing']);
  const offset = numberOf(config, 'steps_offset', 0);
  const spacedBy = spacedSigmas(config);
  const levels = trainingSigmas(alphasCumprod(config, 'nearly to zero'));
  return (steps) => {
    requireSteps(steps, levels.length);
    const spaced = spacedTimesteps(spacing, { steps, trainSteps: levels.length, offset });
    const visited = spaced.map((timestep) => Math.fround(timestep));
    const found = visited.map((timestep) => interpolate(levels, timestep));
    const [largest, smallest] = [found[0] as number, found[steps - 1] as number];
    const inner = spacedBy?.({ largest, smallest, steps }) ?? found;
    const timesteps = spacedBy ? inner.map((sigma) => Math.fround(timestepOfSigma(levels, sigma))) : visited;
    const sigmas = Float32Array.of(...inner, 0);
    const first = sigmas[0] as number;
    return { timesteps, sigmas, initNoiseSigma: spacing === 'leading' ? deviationAt(first) : first };
  };
}

/** numpy.interp over indices: a position beyond the end takes the last value. */
function interpolate(levels: Float32Array, position: number): number {
  const at = Math.min(Math.max(position, 0), levels.length - 1);
  const below = Math.floor(at);
  const [low, high] = [levels[below] as number, levels[Math.min(below + 1, levels.length - 1)] as number];
  return low + (high - low) * (at - below);
}

/** The sample at unit variance, as a denoiser trained on steps wants to see it. */
export function toUnitVariance(sample: Float32Array, sigma: number): Float32Array {
  const deviation = deviationAt(sigma);
  return elementwise([sample], ([noisy], { over }) => over(noisy, deviation));
}

/** Of a picture at unit variance and its noise together, rounded to float32 at every operation. */
function deviationAt(sigma: number): number {
  const { fround, sqrt } = Math;
  return fround(sqrt(fround(fround(sigma * sigma) + 1)));
}

/**
 * An Euler step along the line between the sample and what its denoiser found, rounded to float32 at every operation, as the
 * reference computes.
 *
 * @param sigmas the noise level of the sample, and the one to go to
 */
export function eulerStep(
  sample: Float32Array,
  found: Float32Array,
  [sigma, next]: readonly [number, number],
): Float32Array {
  return elementwise([sample, found], ([noisy, clean], { plus, minus, times, over }) =>
    plus(noisy, times(over(minus(noisy, clean), sigma), next - sigma)),
  );
}
