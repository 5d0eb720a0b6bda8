// The loop that every pipeline of latents shares: from noise to latents, a step at a time.

import { elementwise } from '../elementwise.ts';
import { EngineFault } from '../fault.ts';
import { mapValues } from '../map-values.ts';
import type { NoiseSource } from '../noise.ts';
import type { PipelineHost } from '../pipeline.ts';
import type { RgbPicture } from '../png.ts';
import type { Schedule } from '../schedulers/scheduler.ts';

export interface Beginning {
  readonly latents: Float32Array;
  readonly step: number;
}

/** What stays of a picture whose rest is painted anew. */
export interface Kept {
  readonly latents: Float32Array;
  /** Of each value: 0 stays. */
  readonly mask: Float32Array;
}

export interface Denoising {
  readonly schedule: Schedule;
  readonly noise: NoiseSource;
  /** The noise to begin with, where it was drawn already. */
  readonly first?: Float32Array | undefined;
  /** How many values the sample of one picture holds; those of a batch come one after the other, as their noise does. */
  readonly size: number;
  readonly host: PipelineHost;
  /** Latents of a picture to begin from, and the first step that is taken; left out: from noise. */
  readonly from?: Beginning | undefined;
  readonly keep?: Kept | undefined;
  /** What a sample looks like, where somebody wants to see it. */
  readonly look?: ((sample: Float32Array) => RgbPicture) | null | undefined;
  /** What the denoiser says of the scaled sample, guidance included. */
  predict(sample: Float32Array, timestep: number): Promise<Float32Array>;
}

export async function denoise(denoising: Denoising): Promise<Float32Array> {
  const { schedule, noise, size, host, from, keep, look, predict } = denoising;
  const first = from?.step ?? 0;
  const total = schedule.timesteps.length - first;
  await host.reach({ stage: 'denoise', done: 0, total });
  const begun = denoising.first ?? noise.randn(size);
  let sample = begin(schedule, begun, from);
  for (const [step, timestep] of schedule.timesteps.entries()) {
    if (step < first) continue;
    const modelOutput = await predict(schedule.scaleModelInput(sample, step), timestep);
    const added = schedule.takesNoise(step) ? { noise: noise.randn(size) } : {};
    sample = schedule.step({ step, sample, modelOutput, ...added });
    if (keep) sample = putBack(sample, keep, schedule, begun, step + 1);
    const shown = sample;
    // At unit variance, as the denoiser would see it next.
    const seen = () => (step + 1 < schedule.timesteps.length ? schedule.scaleModelInput(shown, step + 1) : shown);
    await host.reach({ stage: 'denoise', done: step + 1 - first, total }, look ? () => look(seen()) : undefined);
  }
  return sample;
}

function begin(schedule: Schedule, noise: Float32Array, from: Beginning | undefined): Float32Array {
  if (!from) return mapValues(noise, (value) => value * schedule.initNoiseSigma);
  if (!schedule.noisy) throw new EngineFault('invalid_request', 'image: this scheduler cannot begin from a picture');
  return schedule.noisy(from.latents, noise, from.step);
}

/** What stays of the picture, under as much of the first noise as the next step expects. */
function putBack(sample: Float32Array, keep: Kept, schedule: Schedule, noise: Float32Array, next: number) {
  const known = next < schedule.timesteps.length ? schedule.noisy?.(keep.latents, noise, next) : keep.latents;
  if (!known) throw new EngineFault('invalid_request', 'mask: this scheduler cannot begin from a picture');
  return mapValues(sample, (value, i) => (keep.mask[i] === 0 ? (known[i] as number) : value));
}

/** Classifier-free guidance (Ho and Salimans 2022), in float32 as torch computes it. */
export function guided(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  return elementwise([conditional, unconditional], ([led, base], { plus, minus, times }) =>
    plus(base, times(minus(led, base), scale)),
  );
}
