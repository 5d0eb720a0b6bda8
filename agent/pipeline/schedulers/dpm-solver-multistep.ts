// DPM-Solver++ in one or two steps' memory (Lu et al. 2022, arXiv 2211.01095), as diffusers' DPMSolverMultistepScheduler.
import { elementwise } from '../elementwise.ts';
import { addNoise } from './add-noise.ts';
import { multistepSchedules, type NoiseLevel } from './multistep-schedule.ts';
import { COSINE } from './noise-schedule.ts';
import { dataPrediction, MULTISTEP_PREDICTION_TYPES } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, countOf, ownChoiceOf, refuse, type SchedulerConfig } from './settings.ts';
import { roundHalfEven } from './spacing.ts';

/** Below so many steps the last one is taken at first order, "for numerical stability". */
const FEW_STEPS = 15;

/** Factors of one step: `sample · fromSample + newest · fromNewest + (newest − former) · slope · fromChange + noise · fromNoise`. */
interface StepFactors {
  readonly fromSample: number;
  readonly fromNewest: number;
  readonly fromChange: number;
  readonly slope: number;
  readonly fromNoise: number;
}

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function dpmSolverMultistep(config: SchedulerConfig): Scheduler {
  refuse(config, ['thresholding', 'variance_type']);
  const scheduled = multistepSchedules(config, {
    endsInLastLevel: false,
    karrasTimestep: config.beta_schedule === COSINE ? Math.trunc : roundHalfEven,
    flowSigmas: (steps, trainSteps) =>
      Array.from({ length: steps }, (_, i) => ((steps - i) * (1 - 1 / trainSteps)) / steps),
  });
  const type = choiceOf(config, 'prediction_type', MULTISTEP_PREDICTION_TYPES);
  const order = countOf(config, 'solver_order', 2);
  if (order > 2) throw new RangeError(`scheduler setting solver_order is ${order}; this solver knows 1 and 2`);
  const stochastic = choiceOf(config, 'algorithm_type', ['dpmsolver++', 'sde-dpmsolver++']) === 'sde-dpmsolver++';
  const solver = ownChoiceOf(config, 'solver_type', {
    known: ['midpoint', 'heun'],
    elsewhere: ['bh1', 'bh2', 'logrho'],
  });
  const heun = solver === 'heun';
  const finalOfLowerOrder = (steps: number): boolean =>
    config.euler_at_final === true ||
    ((config.lower_order_final ?? true) !== false && steps < FEW_STEPS) ||
    (config.final_sigmas_type ?? 'zero') === 'zero';
  return {
    schedule(steps) {
      const { timesteps, sigmas, levels } = scheduled(steps);
      let former: Float32Array | null = null;
      return {
        timesteps,
        initNoiseSigma: 1,
        takesNoise: () => stochastic,
        noisy: (latents, noise, step) => addNoise(latents, noise, levels[step] as NoiseLevel),
        scaleModelInput: (sample) => sample,
        step({ step, sample, modelOutput, noise }) {
          if (stochastic && !noise) throw new RangeError('noise: missing; the SDE solver adds noise at every step');
          const level = levels[step] as NoiseLevel;
          const flowSigma = sigmas[step] as number;
          const newest = dataPrediction(type, sample, modelOutput, { ...level, flowSigma });
          const first = order === 1 || former === null || (step === steps - 1 && finalOfLowerOrder(steps));
          const before = first ? null : (levels[step - 1] as NoiseLevel);
          const factors = stepFactors({ next: levels[step + 1] as NoiseLevel, level, before, heun, stochastic });
          const last = former ?? newest;
          former = newest;
          return combine(factors, { sample, newest, former: last, noise });
        },
      };
    },
  };
}

/** Rounded to float32 at every operation, as the reference computes: its largest terms nearly cancel. */
function combine(
  { fromSample, fromNewest, fromChange, slope, fromNoise }: StepFactors,
  parts: { sample: Float32Array; newest: Float32Array; former: Float32Array; noise: Float32Array | undefined },
): Float32Array {
  const { sample, newest, former, noise } = parts;
  const moved = elementwise([sample, newest, former], ([noisy, found, before], { plus, minus, times }) => {
    const next = plus(times(noisy, fromSample), times(found, fromNewest));
    return fromChange === 0 ? next : plus(next, times(times(minus(found, before), slope), fromChange));
  });
  return noise ? addNoise(moved, noise, { alpha: 1, sigma: fromNoise }) : moved;
}

function stepFactors(at: {
  readonly next: NoiseLevel;
  readonly level: NoiseLevel;
  /** The level before this one, for a step of second order. */
  readonly before: NoiseLevel | null;
  readonly heun: boolean;
  readonly stochastic: boolean;
}): StepFactors {
  const { next, level, before, heun, stochastic } = at;
  // Rounded where the reference rounds: what is left of two nearly equal numbers shows it.
  const { fround, exp, sqrt } = Math;
  const h = fround(next.lambda - level.lambda);
  // The SDE's formulas are the ODE's at twice the step, with the noise that this leaves room for.
  const twice = stochastic ? 2 * h : h;
  const gain = fround(1 - fround(exp(-twice)));
  const ratio = fround(next.sigma / level.sigma);
  const ofFirstOrder = {
    fromSample: stochastic ? fround(ratio * fround(exp(-h))) : ratio,
    fromNewest: fround(next.alpha * gain),
    fromChange: 0,
    slope: 0,
    fromNoise: stochastic ? fround(next.sigma * fround(sqrt(gain))) : 0,
  };
  if (!before) return ofFirstOrder;
  const slope = fround(1 / fround(fround(level.lambda - before.lambda) / h));
  const weight = heun ? fround(1 - fround(gain / twice)) : gain / 2;
  return { ...ofFirstOrder, fromChange: fround(next.alpha * weight), slope };
}
