// The graphs of a picture and nothing else. For every number N that comes in, one text encoding, N denoising steps and, where
// the folder has a decoder, one decoding run over the same tensors again and again, and their milliseconds go back.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Session, Tensor, TensorInfo } from '../../agent/runtime/runtime.ts';
import { answerEach, openBare } from './bare-process.ts';

const SCALE = 8;
const TEXT = 77;
const { folder, side, load } = await openBare();
const textEncoder = await load('text_encoder');
const unet = await load('unet');
const decoder = existsSync(join(folder, 'vae_decoder')) ? await load('vae_decoder') : null;

/** Of latents where there is a decoder: their sides are free in the graph. */
const sizes: Record<number, number> = { 0: 1, 2: side / SCALE, 3: side / SCALE };
const ids = filled(inputOf(textEncoder, 'input_ids'), { 0: 1, 1: TEXT });
const sample = filled(inputOf(unet, 'sample'), sizes);
const latents = decoder && filled(inputOf(decoder, 'latent_sample'), sizes);

async function bareMs(steps: number): Promise<number> {
  const startedAt = performance.now();
  const words = (await textEncoder.run({ input_ids: ids })).last_hidden_state;
  if (!words) throw new Error('the text encoder gave no last_hidden_state');
  for (let step = 0; step < steps; step++) {
    const timestep = filled(inputOf(unet, 'timestep'), { 0: 1 }, 1000 - (step * 1000) / steps);
    await unet.run({ sample, timestep, encoder_hidden_states: words });
  }
  if (latents) await decoder?.run({ latent_sample: latents });
  return performance.now() - startedAt;
}

function inputOf(session: Session, wanted: string): TensorInfo {
  const found = session.inputs.find((input) => input.name === wanted);
  if (!found) throw new Error(`a graph has no input ${wanted}`);
  return found;
}

/** @param free what free dimensions become @param value of every element; a wave where there is none */
function filled({ type, dims }: TensorInfo, free: Readonly<Record<number, number>>, value?: number): Tensor {
  const fixed = dims.map((size, axis) => (typeof size === 'number' ? size : (free[axis] ?? 1)));
  const length = fixed.reduce((product, size) => product * size, 1);
  if (type === 'int64') {
    return { type, dims: fixed, data: new BigInt64Array(length).fill(BigInt(Math.round(value ?? 0))) };
  }
  const data = Float32Array.from({ length }, (_, i) => value ?? Math.sin(i));
  return { type: 'float32', dims: fixed, data };
}

answerEach(bareMs);
