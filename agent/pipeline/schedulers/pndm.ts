// Pseudo numerical methods (Liu et al. 2022, arXiv 2202.09778), as diffusers' PNDMScheduler: linear multistep (PLMS), with or
// without the Runge-Kutta steps before.
import { elementwise } from '../elementwise.ts';
import { addNoise, sharesOf } from './add-noise.ts';
import { alphasCumprod } from './noise-schedule.ts';
import { noisePrediction } from './original-sample.ts';
import type { Scheduler } from './scheduler.ts';
import { choiceOf, numberOf, requireSteps, type SchedulerConfig } from './settings.ts';
import { roundHalfEven, spacedTimesteps } from './spacing.ts';

const { fround } = Math;

/** Runge-Kutta needs four evaluations a step, for the first three steps. */
const RUNGE_KUTTA_EVALUATIONS = 12;
const RUNGE_KUTTA_WEIGHTS = [1 / 6, 1 / 3, 1 / 3, 1 / 6].map(fround);
/** Adams-Bashforth, newest first, by how many outputs are at hand; over their sum. */
const MULTISTEP_WEIGHTS = [[1], [3, -1], [23, -16, 5], [55, -59, 37, -9]] as const;

/** Reads a `scheduler_config.json`. @throws RangeError that names the setting */
export function pndm(config: SchedulerConfig): Scheduler {
  const alphas = alphasCumprod(config, 'never');
  const trainSteps = alphas.length;
  const type = choiceOf(config, 'prediction_type', ['epsilon', 'v_prediction']);
  const spacing = choiceOf(config, 'timestep_spacing', ['leading', 'linspace', 'trailing']);
  const offset = numberOf(config, 'steps_offset', 0);
  const skipsRungeKutta = config.skip_prk_steps === true;
  const last = config.set_alpha_to_one ? 1 : (alphas[0] as number);
  const alphaAt = (timestep: number): number => (timestep >= 0 ? (alphas[timestep] as number) : last);

  /** Formula 9 of the paper, rounded to float32 at every operation, as the reference computes. */
  const transfer = (sample: Float32Array, output: Float32Array, from: number, to: number): Float32Array => {
    const [alpha, next] = [alphaAt(from), alphaAt(to)];
    const noise = noisePrediction(type, sample, output, sharesOf(alpha));
    const fromSample = fround(Math.sqrt(fround(next / alpha)));
    const product = fround(fround(alpha * fround(1 - alpha)) * next);
    const divisor = fround(fround(alpha * sharesOf(next).sigma) + fround(Math.sqrt(product)));
    const change = fround(next - alpha);
    return elementwise([sample, noise], ([noisy, predicted], { minus, times, over }) =>
      minus(times(noisy, fromSample), over(times(predicted, change), divisor)),
    );
  };
  return {
    schedule(steps) {
      requireSteps(steps, trainSteps);
      if (!skipsRungeKutta && steps < 4)
        throw new RangeError(`steps: ${steps} is not possible; this scheduler begins with Runge-Kutta and takes 4 up`);
      const spaced = spacedTimesteps(spacing, { steps, trainSteps, offset }).map(roundHalfEven);
      const stride = Math.floor(trainSteps / steps);
      const timesteps = skipsRungeKutta ? multistepTimesteps(spaced) : rungeKuttaTimesteps(spaced, stride);
      if ((timesteps[0] as number) >= trainSteps)
        throw new RangeError(
          `scheduler setting steps_offset leads to step ${timesteps[0]}; the last one is ${trainSteps - 1}`,
        );
      const plain = {
        ...{ timesteps, initNoiseSigma: 1, takesNoise: () => false },
        scaleModelInput: (sample: Float32Array) => sample,
      };
      if (!skipsRungeKutta) return { ...plain, step: rungeKutta(timesteps, stride, transfer) };
      const noisy = (latents: Float32Array, noise: Float32Array, step: number) =>
        addNoise(latents, noise, sharesOf(alphaAt(timesteps[step] as number)));
      return { ...plain, noisy, step: multistep(timesteps, stride, transfer) };
    },
  };
}

type Transfer = (sample: Float32Array, output: Float32Array, from: number, to: number) => Float32Array;
type Step = (at: { step: number; sample: Float32Array; modelOutput: Float32Array }) => Float32Array;

/** The second step is taken twice, first as a trial (Heun's method), for lack of a history. */
function multistepTimesteps(spaced: readonly number[]): number[] {
  if (spaced.length < 2) return [...spaced];
  return [spaced[0] as number, spaced[1] as number, ...spaced.slice(1)];
}

/** Each of the first three steps at its beginning, twice in its middle, and at its end. */
function rungeKuttaTimesteps(spaced: readonly number[], stride: number): number[] {
  const half = Math.floor(stride / 2);
  const begun = [0, 1, 2].flatMap((i) => {
    const [from, to] = [spaced[i] as number, spaced[i + 1] as number];
    return [from, to + half, to + half, to];
  });
  return [...begun, ...spaced.slice(3)];
}

/** The second step that is taken goes over the first one again, wherever in the schedule it begins. */
function multistep(timesteps: readonly number[], stride: number, transfer: Transfer): Step {
  let history: Float32Array[] = [];
  let begun: Float32Array | null = null;
  let taken = 0;
  return ({ step, sample, modelOutput }) => {
    const timestep = timesteps[step] as number;
    taken++;
    if (taken === 2 && begun) {
      const [former = modelOutput] = history;
      const mean = elementwise([modelOutput, former], ([a, b], { plus, over }) => over(plus(a, b), 2));
      return transfer(begun, mean, timestep + stride, timestep);
    }
    history = [modelOutput, ...history].slice(0, 4);
    if (taken === 1) begun = sample;
    return transfer(sample, weighted(history), timestep, timestep - stride);
  };
}

function rungeKutta(timesteps: readonly number[], stride: number, transfer: Transfer): Step {
  const half = Math.floor(stride / 2);
  let history: Float32Array[] = [];
  let begun = new Float32Array();
  let sum: Float32Array = new Float32Array();
  return ({ step, sample, modelOutput }) => {
    const timestep = timesteps[step] as number;
    if (step >= RUNGE_KUTTA_EVALUATIONS) {
      history = [modelOutput, ...history].slice(0, 4);
      return transfer(sample, weighted(history), timestep, timestep - stride);
    }
    const stage = step % 4;
    if (stage === 0) {
      begun = new Float32Array(sample);
      sum = new Float32Array(sample.length);
      history = [modelOutput, ...history].slice(0, 4);
    }
    const weight = RUNGE_KUTTA_WEIGHTS[stage] as number;
    sum = elementwise([sum, modelOutput], ([before, newest], { plus, times }) => plus(before, times(newest, weight)));
    const from = timesteps[step - stage] as number;
    return transfer(begun, stage === 3 ? sum : modelOutput, from, timestep - (step % 2 ? 0 : half));
  };
}

/** Rounded to float32 at every operation, as the reference computes: it divides by the sum, or multiplies where that is 24. */
function weighted(history: readonly Float32Array[]): Float32Array {
  const weights = MULTISTEP_WEIGHTS[history.length - 1] as readonly number[];
  const total = weights.reduce((all, weight) => all + weight, 0);
  return elementwise(history, (outputs, { plus, times, over }) => {
    const sum = outputs.map((output, k) => times(output, weights[k] as number)).reduce(plus);
    return history.length === 4 ? times(sum, 1 / total) : over(sum, total);
  });
}
