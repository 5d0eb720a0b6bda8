// The schedule that the multistep solvers (DPM-Solver++, UniPC) share, and the quantities of a noise level that they work with.
import { alphasCumprod, trainingSigmas } from './noise-schedule.ts';
import type { Shares } from './original-sample.ts';
import { choiceOf, numberOf, positiveOf, refuse, requireSteps, type SchedulerConfig } from './settings.ts';
import { spacedSigmas, timestepOfSigma } from './spaced-sigmas.ts';
import { roundHalfEven, type TimestepSpacing } from './spacing.ts';

const UNSUPPORTED = ['use_beta_sigmas', 'use_lu_lambdas', 'use_dynamic_shifting'] as const;

export interface MultistepSchedule {
  readonly timesteps: readonly number[];
  /** float32 [steps + 1], falling. */
  readonly sigmas: Float32Array;
  /** Of each sigma; in flow matching the picture fades as the noise grows, else both keep unit variance. */
  readonly levels: readonly NoiseLevel[];
}

export interface NoiseLevel extends Shares {
  /** Half the logarithm of signal over noise. */
  readonly lambda: number;
}

interface Differences {
  /** Noise levels of flow matching for so many steps, before the shift. */
  flowSigmas(steps: number, trainSteps: number): number[];
  /** A step of training from where between two of them a level of Karras lies. */
  karrasTimestep(between: number): number;
  /** Whether a schedule of `sigma_min` ends in the last level itself, where the levels are not those of training. */
  readonly endsInLastLevel: boolean;
}

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function multistepSchedules(
  config: SchedulerConfig,
  differences: Differences,
): (steps: number) => MultistepSchedule {
  refuse(config, UNSUPPORTED);
  const spacing = choiceOf(config, 'timestep_spacing', ['linspace', 'leading', 'trailing']);
  const offset = numberOf(config, 'steps_offset', 0);
  const endsInZero = choiceOf(config, 'final_sigmas_type', ['zero', 'sigma_min']) === 'zero';
  const flow = config.use_flow_sigmas === true;
  const spacedBy = spacedSigmas(config);
  if (flow && spacedBy)
    throw new RangeError('scheduler settings use_flow_sigmas and use_karras_sigmas or use_exponential_sigmas: set one');
  const shift = positiveOf(config, 'flow_shift', 1);
  const trained = trainingSigmas(alphasCumprod(config, 'nearly to zero'));
  const trainSteps = trained.length;
  const lastTimestep = trainSteps - clippedSteps(trained, lambdaMin(config));
  const [least, most] = [trained[0] as number, trained[trainSteps - 1] as number];

  const visited = (steps: number): { timesteps: number[]; sigmas: number[]; last: number } => {
    if (spacedBy) {
      const sigmas = spacedBy({ largest: most, smallest: least, steps });
      const whole = config.use_karras_sigmas ? differences.karrasTimestep : Math.trunc;
      const timesteps = sigmas.map((sigma) => whole(timestepOfSigma(trained, sigma)));
      return { timesteps, sigmas, last: differences.endsInLastLevel ? (sigmas.at(-1) as number) : least };
    }
    if (flow) {
      const shifted = differences.flowSigmas(steps, trainSteps).map((s) => (shift * s) / (1 + (shift - 1) * s));
      // At level 1 nothing is left of the picture and its logarithm is infinite, so the references stay a little below.
      const sigmas = shifted.map((sigma) => (Math.abs(sigma - 1) < 1e-6 ? sigma - 1e-6 : sigma));
      const timesteps = sigmas.map((sigma) => Math.trunc(sigma * trainSteps));
      return { timesteps, sigmas, last: differences.endsInLastLevel ? (sigmas.at(-1) as number) : least };
    }
    const timesteps = spacedBetween(spacing, { steps, trainSteps, lastTimestep, offset });
    const sigmas = timesteps.map((timestep) => trained[Math.min(timestep, trainSteps - 1)] as number);
    return { timesteps, sigmas, last: least };
  };
  return (steps) => {
    requireSteps(steps, trainSteps - 1);
    const { timesteps, sigmas: inner, last } = visited(steps);
    const sigmas = Float32Array.of(...inner, endsInZero ? 0 : last);
    return { timesteps, sigmas, levels: Array.from(sigmas, (sigma) => noiseLevel(sigma, flow)) };
  };
}

/** float32 at every operation: differences of neighbouring lambdas are small, so their rounding shows. */
function noiseLevel(level: number, flow: boolean): NoiseLevel {
  const { fround, log, sqrt } = Math;
  const alpha = flow ? fround(1 - level) : fround(1 / fround(sqrt(fround(fround(level * level) + 1))));
  const sigma = flow ? level : fround(level * alpha);
  return { alpha, sigma, lambda: fround(fround(log(alpha)) - fround(log(sigma))) };
}

/** Both ends of the steps of training are left to the other schedulers: here the lowest level is not visited. */
function spacedBetween(
  spacing: TimestepSpacing,
  at: { steps: number; trainSteps: number; lastTimestep: number; offset: number },
): number[] {
  const { steps, trainSteps, lastTimestep, offset } = at;
  const indices = Array.from({ length: steps }, (_, i) => i);
  if (spacing === 'trailing') return indices.map((i) => roundHalfEven(lastTimestep - i * (trainSteps / steps)) - 1);
  if (spacing === 'leading') {
    const stride = Math.floor(lastTimestep / (steps + 1));
    return indices.map((i) => (steps - i) * stride + offset);
  }
  const stride = (lastTimestep - 1) / steps;
  return indices.map((i) => roundHalfEven((steps - i) * stride));
}

/** Python writes the infinite default as `-Infinity`, which arrives here as text. */
function lambdaMin(config: SchedulerConfig): number {
  const value = config.lambda_min_clipped ?? '-Infinity';
  if (value === '-Infinity') return -Infinity;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`scheduler setting lambda_min_clipped is ${JSON.stringify(value)}; expected a number`);
}

/** How many of the noisiest steps of training lie below the clipping bound. */
function clippedSteps(trained: Float32Array, bound: number): number {
  return trained.filter((sigma) => -Math.log(sigma) < bound).length;
}
