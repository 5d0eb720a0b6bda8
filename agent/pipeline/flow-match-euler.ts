// Flow-matching Euler steps as diffusers' FlowMatchEulerDiscreteScheduler takes them (Esser et al. 2024). Imports nothing.

export interface FlowMatchEuler {
  /** Noise levels, float32 [steps + 1], from the largest down to a final 0. */
  sigmas(steps: number): Float32Array;
  /** What the denoiser is told of a noise level: `sigma * num_train_timesteps`, float32. */
  timestep(sigma: number): number;
}

/** Settings of diffusers that change the noise levels in ways not done here: a config that sets one is refused. */
const UNSUPPORTED = [
  'use_dynamic_shifting',
  'use_karras_sigmas',
  'use_exponential_sigmas',
  'use_beta_sigmas',
  'invert_sigmas',
  'stochastic_sampling',
  'shift_terminal',
] as const;

/**
 * Reads a `scheduler_config.json`.
 *
 * @throws RangeError that names the setting
 */
export function flowMatchEuler(config: Readonly<Record<string, unknown>>): FlowMatchEuler {
  if (config._class_name !== 'FlowMatchEulerDiscreteScheduler')
    throw new RangeError(`scheduler "${config._class_name}" is not known; known: FlowMatchEulerDiscreteScheduler`);
  for (const setting of UNSUPPORTED) {
    if (config[setting]) throw new RangeError(`scheduler setting ${setting} is not supported; leave it out`);
  }
  const trainSteps = positive(config.num_train_timesteps ?? 1000, 'num_train_timesteps');
  const shift = positive(config.shift ?? 1, 'shift');
  const shifted = (sigma: number): number => (shift * sigma) / (1 + (shift - 1) * sigma);
  // diffusers starts from its own, already shifted, largest and smallest sigma and shifts the levels between them
  // once more, so that the smallest of N steps has been shifted twice.
  const largest = Math.fround(shifted(1));
  const smallest = Math.fround(shifted(Math.fround(1 / trainSteps)));
  return {
    sigmas(steps) {
      const levels = new Float32Array(steps + 1);
      const stride = steps > 1 ? (smallest - largest) / (steps - 1) : 0;
      for (let i = 0; i < steps; i++) levels[i] = shifted(largest + i * stride);
      return levels;
    },
    timestep: (sigma) => Math.fround(sigma * trainSteps),
  };
}

function positive(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`scheduler setting ${name} is ${JSON.stringify(value)}; expected a positive number`);
}

/** One step in place: `sample += velocity * (next - sigma)`, rounded to float32 as torch rounds it. */
export function eulerStep(sample: Float32Array, velocity: Float32Array, sigma: number, next: number): void {
  const change = Math.fround(next - sigma);
  for (let i = 0; i < sample.length; i++) {
    sample[i] = (sample[i] as number) + Math.fround((velocity[i] as number) * change);
  }
}
