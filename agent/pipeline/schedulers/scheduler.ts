// What every scheduler is to its pipeline, in diffusers' terms. Samples and noise are float32 of one length, any shape.

export interface Scheduler {
  /** @throws RangeError when this scheduler has no schedule of so many steps */
  schedule(steps: number): Schedule;
}

export interface Schedule {
  /** What the denoiser is told at each step, from noise to picture; steps of training, 0 to `num_train_timesteps - 1`. */
  readonly timesteps: readonly number[];
  /** What the first noise is multiplied with. */
  readonly initNoiseSigma: number;
  /** Whether `step` adds noise at this step, so that the caller must draw some. */
  takesNoise(step: number): boolean;
  /** The sample as the denoiser wants to see it at this step: a new array, or the same one where nothing changes. */
  scaleModelInput(sample: Float32Array, step: number): Float32Array;
  /** The sample after this step, in a new array. `noise` is standard normal. @throws RangeError when it is missing */
  step(at: StepInput): Float32Array;
}

export interface StepInput {
  /** Index into `timesteps`. */
  readonly step: number;
  readonly sample: Float32Array;
  readonly modelOutput: Float32Array;
  readonly noise?: Float32Array;
}
