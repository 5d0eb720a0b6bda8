// The loop that every pipeline of latents shares: from noise to latents, a step at a time.
import type { NoiseSource } from '../noise.ts';
import type { PipelineHost } from '../pipeline.ts';
import type { Schedule } from '../schedulers/scheduler.ts';

export interface Denoising {
  readonly schedule: Schedule;
  readonly noise: NoiseSource;
  /** How many values a sample holds. */
  readonly size: number;
  readonly host: PipelineHost;
  /** What the denoiser says of the scaled sample, guidance included. */
  predict(sample: Float32Array, timestep: number): Promise<Float32Array>;
}

export async function denoise({ schedule, noise, size, host, predict }: Denoising): Promise<Float32Array> {
  const total = schedule.timesteps.length;
  await host.reach({ stage: 'denoise', done: 0, total });
  let sample: Float32Array = noise.randn(size).map((value) => value * schedule.initNoiseSigma);
  for (const [step, timestep] of schedule.timesteps.entries()) {
    const modelOutput = await predict(schedule.scaleModelInput(sample, step), timestep);
    const added = schedule.takesNoise(step) ? { noise: noise.randn(size) } : {};
    sample = schedule.step({ step, sample, modelOutput, ...added });
    await host.reach({ stage: 'denoise', done: step + 1, total });
  }
  return sample;
}

/** Classifier-free guidance (Ho and Salimans 2022), in float32 as torch computes it. */
export function guided(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  const { fround } = Math;
  const factor = fround(scale);
  return conditional.map((value, i) => {
    const base = unconditional[i] as number;
    return base + fround(factor * fround(value - base));
  });
}
