// What a denoiser's output says about the finished picture, by `prediction_type`.

export const PREDICTION_TYPES = ['epsilon', 'sample', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

/** Of sample and output in x0. Taken out of the loops over values: roots cost more than all the rest of a step. */
export type Shares = readonly [ofSample: number, ofOutput: number];

/** Where `sample = sqrt(alpha) x0 + sqrt(1 - alpha) noise`; `alpha` is the cumulated product. */
export function originalShares(type: PredictionType, alpha: number): Shares {
  const [signal, noise] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
  switch (type) {
    case 'epsilon':
      return [1 / signal, -noise / signal];
    case 'sample':
      return [0, 1];
    case 'v_prediction':
      return [signal, -noise];
  }
}

/** Where `sample = x0 + sigma noise`. */
export function originalSharesAtSigma(type: PredictionType, sigma: number): Shares {
  const square = sigma * sigma + 1;
  switch (type) {
    case 'epsilon':
      return [1, -sigma];
    case 'sample':
      return [0, 1];
    case 'v_prediction':
      return [1 / square, -sigma / Math.sqrt(square)];
  }
}

export const MULTISTEP_PREDICTION_TYPES = [...PREDICTION_TYPES, 'flow_prediction'] as const;

/** x0, rounded as torch rounds it, where `sample = alpha x0 + sigma noise`; the output of flow matching is `noise - x0`. */
export function dataPrediction(
  type: (typeof MULTISTEP_PREDICTION_TYPES)[number],
  sample: Float32Array,
  output: Float32Array,
  { alpha, sigma, flowSigma }: { readonly alpha: number; readonly sigma: number; readonly flowSigma: number },
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

/** A share of one less a share of the other, over a divisor. */
function difference(
  [from, kept]: readonly [Float32Array, number],
  [taken, share]: readonly [Float32Array, number],
  divisor: number,
): Float32Array {
  const { fround } = Math;
  const found = new Float32Array(from.length);
  for (let i = 0; i < found.length; i++)
    found[i] = fround(fround(kept * (from[i] as number)) - fround(share * (taken[i] as number))) / divisor;
  return found;
}
