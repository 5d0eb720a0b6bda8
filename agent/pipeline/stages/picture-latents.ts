// A picture to begin from becomes latents: AutoencoderKL's encoder, drawn from its distribution as the reference draws, or a
// small encoder's own latents.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { EngineFault } from '../fault.ts';
import { type Graph, loadGraph, requireDims } from '../graph.ts';
import type { NoiseSource } from '../noise.ts';
import type { PictureRequest, PipelineHost } from '../pipeline.ts';
import { rgbToPlanes } from '../pixels.ts';
import { decodePng, type RgbPicture } from '../png.ts';
import type { Beginning } from './denoise.ts';
import type { PartOptions } from './text-encoder.ts';
import type { VaeDecoder } from './vae-decoder.ts';

export interface PictureReader {
  /** Whether the folder has an encoder. */
  readonly there: boolean;
  readonly strength: Strength;
  /**
   * Latents of the request's picture, scaled as the denoiser knows them, and where to begin; nothing where it has none.
   *
   * @throws EngineFault `invalid_request`, `load_failed`, `run_failed`
   */
  begin(request: PictureRequest, noise: NoiseSource, host: PipelineHost): Promise<Beginning | undefined>;
}

export interface Strength {
  /** What the reference takes where a request says nothing. */
  readonly usual: number;
  /** Which way the reference rounds the number of steps that are taken. */
  readonly rounds: 'down' | 'up';
}

/** The graph is loaded when the first such request comes. */
export function pictureReader(options: PartOptions, vae: VaeDecoder, strength: Strength): PictureReader {
  const { folder, runtime, threads } = options;
  const file = join(folder, 'vae_encoder', runtime.graphFile);
  let graph: Promise<Graph> | null = null;
  return {
    there: existsSync(file),
    strength,
    async begin({ image, width, height, steps, strength: asked }, noise, host) {
      if (image === undefined) return undefined;
      await host.reach({ stage: 'encode', done: 0, total: 1 });
      const picture = readPicture(image);
      graph ??= loadGraph(runtime, file, { threads, inputs: ['sample'], outputs: ['latent_parameters'] });
      const encoder = await graph;
      requireDims(encoder, 'sample', [null, 3, null, null]);
      const feeds = {
        sample: { type: 'float32', dims: [1, 3, height, width], data: rgbToPlanes(picture, 2, -1) },
      } as const;
      const { data } = (await encoder.run(feeds)).float32('latent_parameters');
      const count = (vae.channels * width * height) / vae.scale ** 2;
      const step = firstStep(steps, asked ?? strength.usual, strength.rounds);
      return { latents: vae.scaled(drawn(encoder, data, count, noise)), step };
    },
  };
}

/** How many steps are left out. */
export function firstStep(steps: number, strength: number, rounds: Strength['rounds']): number {
  return rounds === 'down'
    ? steps - Math.min(Math.trunc(steps * strength), steps)
    : Math.trunc(steps - steps * strength);
}

/** Mean and logarithm of variance, one after the other, each held within the reference's bounds; or the latents themselves. */
function drawn({ path }: Graph, data: Float32Array, count: number, noise: NoiseSource): Float32Array {
  if (data.length === count) return data;
  if (data.length !== 2 * count)
    throw new EngineFault('run_failed', `${path}: latent_parameters holds ${data.length} values, not ${2 * count}`);
  const { fround, exp, min, max } = Math;
  const normal = noise.randn(count);
  return data.subarray(0, count).map((mean, i) => {
    const deviation = fround(exp(0.5 * min(20, max(-30, data[count + i] as number))));
    return mean + fround(deviation * (normal[i] as number));
  });
}

function readPicture(png: Uint8Array): RgbPicture {
  try {
    return decodePng(png);
  } catch (cause) {
    throw new EngineFault('invalid_request', `image: ${messageOf(cause)}`, { cause });
  }
}
