// A picture becomes latents: AutoencoderKL's encoder, drawn from its distribution as the reference draws, or a
// small encoder's own latents.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { EngineFault } from '../fault.ts';
import { type Graph, loadGraph, requireDims } from '../graph.ts';
import type { NoiseSource } from '../noise.ts';
import type { PictureRequest, PipelineHost } from '../pipeline.ts';
import { rgbToPlanes } from '../pixels.ts';
import { decodePng } from '../read-png.ts';
import type { Beginning } from './denoise.ts';
import { float32 } from './tensors.ts';
import type { PartOptions } from './text-encoder.ts';
import { encodeTiles, exceedsTile, type Planes } from './tiles.ts';
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
  /** Of float32 [3, height, width] in −1..1, scaled as the denoiser knows them. @throws EngineFault */
  encode(planes: Planes, drawing: Drawing, host: PipelineHost): Promise<Float32Array>;
}

export interface Drawing {
  readonly noise: NoiseSource;
  /** In tiles that overlap, where the picture is larger than one. */
  readonly tiled?: boolean | undefined;
}

export interface Strength {
  /** What the reference takes where a request says nothing. */
  readonly usual: number;
  /** Likewise where a mask says what to paint anew; left out by a pipeline that cannot. */
  readonly filling?: number;
  /** Which way the reference rounds the number of steps that are taken; `shortens`: all of them, of a shorter schedule. */
  readonly rounds: 'down' | 'up' | 'shortens';
}

/** The graph is loaded when the first such request comes. */
export function pictureReader(options: PartOptions, vae: VaeDecoder, strength: Strength): PictureReader {
  const { folder, runtime, threads } = options;
  const file = join(folder, 'vae_encoder', runtime.graphFile);
  let graph: Promise<Graph> | null = null;
  return {
    there: existsSync(file),
    strength,
    async begin({ image, steps, tiled, strength: asked }, noise, host) {
      if (image === undefined) return undefined;
      const latents = await this.encode(readPicture(image), { noise, tiled }, host);
      return { latents, step: firstStep(steps, shareOf(strength, { strength: asked }), strength.rounds) };
    },
    async encode(planes, { noise, tiled }, host) {
      await host.reach({ stage: 'encode', done: 0, total: 1 });
      graph ??= loadGraph(runtime, file, { threads, inputs: ['sample'], outputs: ['latent_parameters'] });
      const encoder = await graph;
      requireDims(encoder, 'sample', [null, 3, null, null]);
      const { data } =
        tiled && vae.tiling && exceedsTile(planes, vae.tiling)
          ? await encodeTiles(planes, vae.tiling, async (tile, { index: done, total }) => {
              await host.reach({ stage: 'encode', done, total });
              return encodeOne(encoder, tile, vae);
            })
          : await encodeOne(encoder, planes, vae);
      const count = (vae.channels * planes.width * planes.height) / vae.scale ** 2;
      return vae.scaled(drawn(data, count, noise));
    },
  };
}

/** How far a request goes away from its picture. */
export const shareOf = (
  { usual, filling = usual }: Strength,
  { mask, strength }: Pick<PictureRequest, 'mask' | 'strength'>,
): number => strength ?? (mask ? filling : usual);

/** How many steps are left out. */
export function firstStep(steps: number, strength: number, rounds: Strength['rounds']): number {
  if (rounds === 'shortens') return 0;
  return rounds === 'down'
    ? steps - Math.min(Math.trunc(steps * strength), steps)
    : Math.trunc(steps - steps * strength);
}

/** Mean and logarithm of variance of each latent, one after the other; or, of a small encoder, the latents themselves. */
async function encodeOne(encoder: Graph, picture: Planes, { channels, scale }: VaeDecoder): Promise<Planes> {
  const { data, width, height } = picture;
  const feeds = { sample: float32(data, [1, 3, height, width]) };
  const found = (await encoder.run(feeds)).float32('latent_parameters').data;
  const count = (channels * width * height) / scale ** 2;
  if (found.length === count || found.length === 2 * count)
    return { data: found, width: width / scale, height: height / scale };
  throw new EngineFault(
    'run_failed',
    `${encoder.path}: latent_parameters holds ${found.length} values, not ${2 * count}`,
  );
}

/** The logarithm of variance is held within the reference's bounds. */
function drawn(data: Float32Array, count: number, noise: NoiseSource): Float32Array {
  if (data.length === count) return data;
  const { fround, exp, min, max } = Math;
  const normal = noise.randn(count);
  return data.subarray(0, count).map((mean, i) => {
    const deviation = fround(exp(0.5 * min(20, max(-30, data[count + i] as number))));
    return mean + fround(deviation * (normal[i] as number));
  });
}

/** Planes in −1..1. @throws EngineFault `invalid_request` */
export function readPicture(png: Uint8Array): Planes {
  try {
    const picture = decodePng(png);
    return { data: rgbToPlanes(picture, 2, -1), width: picture.width, height: picture.height };
  } catch (cause) {
    throw new EngineFault('invalid_request', `image: ${messageOf(cause)}`, { cause });
  }
}
