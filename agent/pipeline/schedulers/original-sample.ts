// What a denoiser's output says about the finished picture, by `prediction_type`.

export const PREDICTION_TYPES = ['epsilon', 'sample', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

/** x0 of one value, where `sample = sqrt(alpha) x0 + sqrt(1 - alpha) noise`; `alpha` is the cumulated product. */
export function originalSample(type: PredictionType, sample: number, output: number, alpha: number): number {
  switch (type) {
    case 'epsilon':
      return (sample - Math.sqrt(1 - alpha) * output) / Math.sqrt(alpha);
    case 'sample':
      return output;
    case 'v_prediction':
      return Math.sqrt(alpha) * sample - Math.sqrt(1 - alpha) * output;
  }
}

/** x0 of one value, where `sample = x0 + sigma noise`. */
export function originalFromSigma(type: PredictionType, sample: number, output: number, sigma: number): number {
  switch (type) {
    case 'epsilon':
      return sample - sigma * output;
    case 'sample':
      return output;
    case 'v_prediction':
      return (output * -sigma) / Math.sqrt(sigma * sigma + 1) + sample / (sigma * sigma + 1);
  }
}

export const MULTISTEP_PREDICTION_TYPES = [...PREDICTION_TYPES, 'flow_prediction'] as const;

/** x0 of one value, rounded as torch rounds it, where `sample = alpha x0 + sigma noise`; the output of flow matching is `noise - x0`. */
export function dataPrediction(
  type: (typeof MULTISTEP_PREDICTION_TYPES)[number],
  sample: number,
  output: number,
  { alpha, sigma, flowSigma }: { readonly alpha: number; readonly sigma: number; readonly flowSigma: number },
): number {
  const { fround } = Math;
  switch (type) {
    case 'epsilon':
      return fround(sample - fround(sigma * output)) / alpha;
    case 'sample':
      return output;
    case 'v_prediction':
      return fround(alpha * sample) - fround(sigma * output);
    case 'flow_prediction':
      return sample - fround(flowSigma * output);
  }
}
