// Which steps of training a short schedule visits: table 2 of Lin et al. 2023, "Common Diffusion Noise Schedules and
// Sample Steps are Flawed".

export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';

/**
 * Timesteps from noise to picture. `linspace` may fall between steps of training; the caller rounds where its reference does.
 *
 * @param offset `steps_offset`; counts for `leading` alone, as in diffusers
 */
export function spacedTimesteps(
  spacing: TimestepSpacing,
  { steps, trainSteps, offset }: { steps: number; trainSteps: number; offset: number },
): number[] {
  const indices = Array.from({ length: steps }, (_, i) => i);
  if (spacing === 'trailing') return indices.map((i) => roundHalfEven(trainSteps - (i * trainSteps) / steps) - 1);
  if (spacing === 'leading') {
    const stride = Math.floor(trainSteps / steps);
    return indices.map((i) => (steps - 1 - i) * stride + offset);
  }
  const stride = steps > 1 ? (trainSteps - 1) / (steps - 1) : 0;
  return indices.map((i) => (steps - 1 - i) * stride);
}

/** numpy's rounding: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
