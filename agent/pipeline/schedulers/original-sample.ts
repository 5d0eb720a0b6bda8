// What a denoiser's output says about the finished picture, by `prediction_type`, rounded to float32 at every operation, as
// the reference computes: strong noise nearly cancels, and what is left would show another order.
import { elementwise } from '../elementwise.ts';

export const PREDICTION_TYPES = ['epsilon', 'sample', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

export const MULTISTEP_PREDICTION_TYPES = [...PREDICTION_TYPES, 'flow_prediction'] as const;

/** What a sample is made of: `alpha · x0 + sigma · noise`. */
export interface Shares {
  readonly alpha: number;
  readonly sigma: number;
}

/** x0 where `sample = alpha x0 + sigma noise`; the output of flow matching is `noise - x0`. */
export function dataPrediction(
  type: (typeof MULTISTEP_PREDICTION_TYPES)[number],
  sample: Float32Array,
  output: Float32Array,
  { alpha, sigma, flowSigma = sigma }: Shares & { readonly flowSigma?: number },
): Float32Array {
  // By 1 nothing is rounded.
  switch (type) {
    case 'epsilon':
      return difference([sample, 1], [output, sigma], alpha);
    case 'sample':
      return output;
    case 'v_prediction':
      return difference([sample, alpha], [output, sigma], 1);
    case 'flow_prediction':
      return difference([sample, 1], [output, flowSigma], 1);
  }
}

/** The same where `sample = x0 + sigma noise`: the other way of noise levels. */
export function dataPredictionAtSigma(
  type: PredictionType,
  sample: Float32Array,
  output: Float32Array,
  sigma: number,
): Float32Array {
  if (type !== 'v_prediction') return dataPrediction(type, sample, output, { alpha: 1, sigma });
  const { fround } = Math;
  const square = fround(fround(sigma * sigma) + 1);
  const share = fround(-sigma / fround(Math.sqrt(square)));
  return elementwise([sample, output], ([noisy, predicted], { plus, times, over }) =>
    plus(times(predicted, share), over(noisy, square)),
  );
}

/** The noise in the sample where `sample = alpha x0 + sigma noise`. */
export function noisePrediction(
  type: PredictionType,
  sample: Float32Array,
  output: Float32Array,
  { alpha, sigma }: Shares,
): Float32Array {
  switch (type) {
    case 'epsilon':
      return output;
    case 'sample':
      return difference([sample, 1], [output, alpha], sigma);
    case 'v_prediction':
      return difference([output, alpha], [sample, -sigma], 1);
  }
}

/** A share of one less a share of the other, over a divisor. */
function difference(
  [from, kept]: readonly [Float32Array, number],
  [taken, share]: readonly [Float32Array, number],
  divisor: number,
): Float32Array {
  return elementwise([from, taken], ([a, b], { minus, times, over }) =>
    over(minus(times(a, kept), times(b, share)), divisor),
  );
}
