// What every scheduler is to its pipeline, in diffusers' terms. Samples and noise are float32 of one length, any shape.

export interface Scheduler {
  /**
   * A schedule belongs to one picture: multistep solvers remember in it what the denoiser said before.
   *
   * @throws RangeError when this scheduler has no schedule of so many steps
   */
  schedule(steps: number, flow?: FlowSettings): Schedule;
  /**
   * As many steps over that share of the training's, over 0 to 1, for a picture to begin from: the reference's `strength`.
   * Left out by schedulers that leave steps out instead.
   */
  scheduleFrom?(steps: number, strength: number): Schedule;
}

/** What pipelines of flow matching hand to `set_timesteps`; other schedulers ignore it. */
export interface FlowSettings {
  /** The shift's exponent, where the scheduler shifts by the picture's size (`use_dynamic_shifting`). */
  readonly mu?: number;
  /** Noise levels before the shift, from the largest down, without the final 0; else the scheduler's own. */
  readonly sigmas?: readonly number[];
  /** The smallest noise level before the shift; else that of training. */
  readonly sigmaMin?: number;
}

export interface Schedule {
  /** What the denoiser is told at each step, from noise to picture, on the scale 0 to `num_train_timesteps`. */
  readonly timesteps: readonly number[];
  /** What the first noise is multiplied with. */
  readonly initNoiseSigma: number;
  /** Whether `step` adds noise at this step, so that the caller must draw some. */
  takesNoise(step: number): boolean;
  /**
   * Latents of a picture under the noise of a step, from which that step and those after it can be taken. Left out by a
   * schedule that must be taken from its beginning.
   */
  noisy?(latents: Float32Array, noise: Float32Array, step: number): Float32Array;
  /** The sample as the denoiser wants to see it at this step: a new array, or the same one where nothing changes. */
  scaleModelInput(sample: Float32Array, step: number): Float32Array;
  /**
   * The sample after this step, in a new array; steps are taken in their order, none left out. `noise` is standard normal.
   *
   * @throws RangeError when the noise is missing
   */
  step(at: StepInput): Float32Array;
}

export interface StepInput {
  /** Index into `timesteps`. */
  readonly step: number;
  readonly sample: Float32Array;
  readonly modelOutput: Float32Array;
  readonly noise?: Float32Array;
}
