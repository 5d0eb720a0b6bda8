// UniPC, a predictor and a corrector of one form (Zhao et al. 2023, arXiv 2302.04867), as diffusers' UniPCMultistepScheduler
// takes its steps with `predict_x0`.
import { elementwise } from '../elementwise.ts';
import { addNoise } from './add-noise.ts';
import { multistepSchedules, type NoiseLevel } from './multistep-schedule.ts';
import { dataPrediction, MULTISTEP_PREDICTION_TYPES } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, countOf, ownChoiceOf, refuse, type SchedulerConfig } from './settings.ts';
import { roundHalfEven } from './spacing.ts';

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function unipcMultistep(config: SchedulerConfig): Scheduler {
  refuse(config, ['thresholding', 'solver_p', 'shift_terminal', 'sigma_min', 'sigma_max']);
  if (config.predict_x0 === false)
    throw new RangeError('scheduler setting predict_x0 is false, which is not supported; leave it out');
  const scheduled = multistepSchedules(config, {
    endsInLastLevel: true,
    karrasTimestep: roundHalfEven,
    flowSigmas: (steps, trainSteps) => Array.from({ length: steps }, (_, i) => 1 + (i * (1 / trainSteps - 1)) / steps),
  });
  const type = choiceOf(config, 'prediction_type', MULTISTEP_PREDICTION_TYPES);
  const mostOrder = countOf(config, 'solver_order', 2);
  if (mostOrder > 3) throw new RangeError(`scheduler setting solver_order is ${mostOrder}; this solver knows 1 to 3`);
  const solver = ownChoiceOf(config, 'solver_type', {
    known: ['bh2', 'bh1'],
    elsewhere: ['midpoint', 'heun', 'logrho'],
  });
  const bh1 = solver === 'bh1';
  const uncorrected = stepList(config.disable_corrector);
  const lowerAtEnd = (config.lower_order_final ?? true) !== false;
  return {
    schedule(steps) {
      const { timesteps, sigmas, levels } = scheduled(steps);
      const found: Float32Array[] = [];
      let taken = 0;
      let former: { readonly sample: Float32Array; readonly order: number } | null = null;
      return {
        timesteps,
        initNoiseSigma: 1,
        takesNoise: () => false,
        noisy: (latents, noise, step) => addNoise(latents, noise, levels[step] as NoiseLevel),
        scaleModelInput: (sample) => sample,
        step({ step, sample, modelOutput }) {
          const at = { ...(levels[step] as NoiseLevel), flowSigma: sigmas[step] as number };
          const newest = dataPrediction(type, sample, modelOutput, at);
          const corrected =
            former && !uncorrected.has(step - 1)
              ? advance({ ...former, levels, from: step - 1, found, arrived: newest, bh1 })
              : sample;
          found.unshift(newest);
          found.splice(mostOrder);
          const wanted = lowerAtEnd ? Math.min(mostOrder, steps - step) : mostOrder;
          const order = Math.min(wanted, ++taken);
          former = { sample: corrected, order };
          return advance({ sample: corrected, order, levels, from: step, found, arrived: null, bh1 });
        },
      };
    },
  };
}

/** From one level to the next; with `arrived`, what was found there, this is the corrector, else the predictor. */
function advance(at: {
  readonly sample: Float32Array;
  readonly order: number;
  readonly levels: readonly NoiseLevel[];
  readonly from: number;
  /** What was found at `from` and the levels before it, newest first. */
  readonly found: readonly Float32Array[];
  readonly arrived: Float32Array | null;
  readonly bh1: boolean;
}): Float32Array {
  const { sample, order, levels, from, found, arrived, bh1 } = at;
  const [start, end] = [levels[from] as NoiseLevel, levels[from + 1] as NoiseLevel];
  const base = found[0] as Float32Array;
  const h = Math.fround(end.lambda - start.lambda);
  const phi = Math.fround(Math.expm1(-h));
  const scale = bh1 ? -h : phi;
  const ratios = Array.from({ length: order - 1 }, (_, i) =>
    Math.fround(((levels[from - 1 - i] as NoiseLevel).lambda - start.lambda) / h),
  );
  const weights = arrived ? correctorWeights([...ratios, 1], -h, scale) : predictorWeights(ratios, -h, scale);
  // Rounded to float32 at every operation, as the reference computes: its largest terms nearly cancel.
  const { fround } = Math;
  const fromSample = fround(end.sigma / start.sigma);
  const fromBase = fround(end.alpha * phi);
  const fromChange = fround(end.alpha * scale);
  const others = [...found.slice(1, order), ...(arrived ? [arrived] : [])];
  return elementwise([sample, base, ...others], ([noisy, newest, ...former], { plus, minus, times, over }) => {
    const moved = minus(times(noisy, fromSample), times(newest, fromBase));
    const slopes = former.map((values, k) => times(over(minus(values, newest), ratios[k] ?? 1), weights[k] as number));
    if (slopes.length === 0) return moved;
    return minus(moved, times(slopes.reduce(plus), fromChange));
  });
}

/** At order 2 the reference takes a half in place of the solution. */
function predictorWeights(ratios: readonly number[], hh: number, scale: number): number[] {
  if (ratios.length < 2) return ratios.map(() => 0.5);
  return vandermondeWeights(ratios, hh, scale);
}

function correctorWeights(ratios: readonly number[], hh: number, scale: number): number[] {
  return ratios.length === 1 ? [0.5] : vandermondeWeights(ratios, hh, scale);
}

/** Solves `sum over k of ratio_k^(n-1) · weight_k = n! φ_(n+1)(hh) · hh / B(h)` for n = 1 … count (formula 9 of the paper). */
function vandermondeWeights(ratios: readonly number[], hh: number, scale: number): number[] {
  const rows: number[][] = [];
  // Rounded where the reference rounds: each φ is what is left of two nearly equal numbers.
  const { fround } = Math;
  let phi = fround(fround(fround(Math.expm1(hh)) / hh) - 1);
  let factorial = 1;
  for (let n = 1; n <= ratios.length; n++) {
    rows.push([...ratios.map((ratio) => fround(ratio ** (n - 1))), fround(fround(phi * factorial) / scale)]);
    factorial *= n + 1;
    phi = fround(fround(phi / hh) - fround(1 / factorial));
  }
  return solve(rows);
}

/** Gaussian elimination with the largest pivot; each row ends with its right-hand side. */
function solve(rows: number[][]): number[] {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const rest = rows.slice(column);
    const best = rest.reduce((a, b) => (Math.abs(b[column] as number) > Math.abs(a[column] as number) ? b : a));
    const chosen = rows.indexOf(best);
    [rows[column], rows[chosen]] = [best, rows[column] as number[]];
    for (const row of rows) {
      if (row === best) continue;
      const factor = (row[column] as number) / (best[column] as number);
      for (let i = column; i <= size; i++) row[i] = (row[i] as number) - factor * (best[i] as number);
    }
  }
  return rows.map((row, i) => Math.fround((row[size] as number) / (row[i] as number)));
}

function stepList(value: unknown): ReadonlySet<number> {
  if (value === undefined || value === null) return new Set();
  if (Array.isArray(value) && value.every((step) => Number.isInteger(step))) return new Set(value as number[]);
  throw new RangeError(`scheduler setting disable_corrector is ${JSON.stringify(value)}; expected a list of steps`);
}
