// Latents become a picture: AutoencoderKL's decoder, or a small one (TAESD) in its place.

import { join } from 'node:path';
import { EngineFault } from '../fault.ts';
import { type Graph, loadGraph, requireDims } from '../graph.ts';
import { mapValues } from '../map-values.ts';
import { randn } from '../noise.ts';
import type { PipelineHost } from '../pipeline.ts';
import { planesToRgb } from '../pixels.ts';
import type { RgbPicture } from '../png.ts';
import { readJson } from '../read-json.ts';
import { type Colours, fitColours, paintLatents } from './latent-colours.ts';
import { requireNumbers } from './require-numbers.ts';
import { pieces } from './tensors.ts';
import type { PartOptions } from './text-encoder.ts';
import { decodeTiles, exceedsTile, type Planes, type Tiling, tilingOf } from './tiles.ts';

interface Decoding {
  readonly width: number;
  readonly height: number;
  /** In tiles that overlap, where the picture is larger than one. */
  readonly tiled?: boolean;
}

export interface VaeDecoder {
  /** Pixels a side for each latent. */
  readonly scale: number;
  /** Of latents. */
  readonly channels: number;
  /** How it decodes in tiles, and its encoder encodes; null where it cannot: a small decoder has none, and needs none. */
  readonly tiling: Tiling | null;
  /** What an encoder found, as the denoiser knows it. */
  scaled(latents: Float32Array): Float32Array;
  /**
   * What latents look like on the way; null where the decoder takes one size only. The first call decodes a few.
   *
   * @returns a pixel for each latent
   */
  look(size: { readonly width: number; readonly height: number }): Promise<Look | null>;
  /**
   * One picture after another, so that a batch takes the memory of one.
   *
   * @param latents float32 [channels, height / scale, width / scale] of each, as the denoiser left them
   * @throws EngineFault `run_failed` where they, or what becomes of them, are no numbers
   */
  decode(latents: Float32Array, at: Decoding, host: PipelineHost): Promise<RgbPicture[]>;
}

/** @param latents float32 [channels, height / scale, width / scale] */
export type Look = (latents: Float32Array) => RgbPicture;

/** Latents a side of what colours are fitted to, each value over two of them: decoders expect some smoothness. */
const FITTED = 24;

/** @throws EngineFault `load_failed` that names the file and the setting */
export async function loadVaeDecoder({ folder, runtime, threads }: PartOptions): Promise<VaeDecoder> {
  const file = join(folder, 'vae_decoder', 'config.json');
  const config = await readJson(file);
  const graph = await loadGraph(runtime, join(folder, 'vae_decoder', runtime.graphFile), {
    threads,
    inputs: ['latent_sample'],
    outputs: ['sample'],
  });
  if (config.latents_mean || config.latents_std)
    throw new EngineFault('load_failed', `${file}: latents_mean and latents_std are not supported`);
  const blocks = config.block_out_channels ?? config.decoder_block_out_channels;
  if (!Array.isArray(blocks) || blocks.length < 1 || blocks.length > 8)
    throw new EngineFault('load_failed', `${file}: block_out_channels is ${JSON.stringify(blocks)}`);
  const channels = numberOf(config.latent_channels ?? 4, 'latent_channels', file);
  requireDims(graph, 'latent_sample', [null, channels, null, null]);
  const [factor, shift] = [
    numberOf(config.scaling_factor ?? usualFactor(config), 'scaling_factor', file),
    numberOf(config.shift_factor ?? 0, 'shift_factor', file),
  ];
  if (factor <= 0) throw new EngineFault('load_failed', `${file}: scaling_factor is ${factor}`);
  const scale = 2 ** (blocks.length - 1);
  const tiling = config.block_out_channels ? tilingOf(firstNumber(config.sample_size), scale) : null;
  const raw = (latents: Float32Array) => mapValues(latents, (value) => Math.fround(value / factor) + shift);
  let colours: Promise<Colours | null> | null = null;
  return {
    scale,
    channels,
    async look({ width, height }) {
      colours ??= fit(graph, { channels, scale, raw }).catch(() => null);
      const found = await colours;
      return found && ((data) => paintLatents(found, { data, width: width / scale, height: height / scale }));
    },
    tiling,
    scaled: (latents) => mapValues(latents, (value) => Math.fround(value - shift) * factor),
    async decode(latents, { width, height, tiled }, host) {
      requireNumbers(latents, folder);
      const size = { width: width / scale, height: height / scale };
      const tiles = tiled && tiling && exceedsTile({ width, height }, tiling) ? tiling : null;
      const each = pieces(latents, latents.length / (channels * size.width * size.height));
      const pictures: RgbPicture[] = [];
      for (const [i, one] of each.entries()) {
        const whole = { data: raw(one), ...size };
        const reach: Reach = (done, total) =>
          host.reach({ stage: 'decode', done: i * total + done, total: each.length * total });
        const planes = tiles ? await inTiles(graph, whole, tiles, reach) : await atOnce(graph, whole, scale, reach);
        requireNumbers(planes.data, graph.path);
        pictures.push(planesToRgb(planes.data, width, height));
      }
      return pictures;
    },
  };
}

async function fit(
  graph: Graph,
  { channels, scale, raw }: Pick<VaeDecoder, 'channels' | 'scale'> & { raw: (latents: Float32Array) => Float32Array },
): Promise<Colours> {
  const half = FITTED / 2;
  const drawn = randn(0, channels * half ** 2);
  const data = Float32Array.from({ length: channels * FITTED ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / FITTED), i % FITTED];
    return drawn[Math.floor(row / 2) * half + Math.floor(column / 2)] as number;
  });
  const size = { width: FITTED, height: FITTED };
  return fitColours({ data, ...size }, await decodeOne(graph, { data: raw(data), ...size }, scale));
}

/** The classes' own defaults: the first folders of Stable Diffusion have no such setting. */
const usualFactor = ({ _class_name: name }: Readonly<Record<string, unknown>>): number =>
  name === 'AutoencoderTiny' ? 1 : 0.18215;

/** Some folders keep a pair. */
const firstNumber = (value: unknown): number => Number(Array.isArray(value) ? value[0] : value) || 0;

type Reach = (done: number, total: number) => Promise<void>;

async function atOnce(graph: Graph, latents: Planes, scale: number, reach: Reach): Promise<Planes> {
  await reach(0, 1);
  return decodeOne(graph, latents, scale);
}

async function inTiles(graph: Graph, latents: Planes, tiling: Tiling, reach: Reach): Promise<Planes> {
  return decodeTiles(latents, tiling, async (tile, { index, total }) => {
    await reach(index, total);
    return decodeOne(graph, tile, tiling.scale);
  });
}

async function decodeOne(graph: Graph, { data, width, height }: Planes, scale: number): Promise<Planes> {
  const dims = [1, data.length / (width * height), height, width];
  const planes = (await graph.run({ latent_sample: { type: 'float32', dims, data } })).float32('sample').data;
  const [wide, high] = [width * scale, height * scale];
  if (planes.length === 3 * wide * high) return { data: planes, width: wide, height: high };
  throw new EngineFault('run_failed', `${graph.path}: sample holds ${planes.length} values for ${wide}x${high}`);
}

/** @throws EngineFault `load_failed` when the denoiser's latents are not the decoder's */
export function requireChannels(folder: string, denoiser: number, decoder: number): void {
  if (denoiser === decoder) return;
  const message = `${folder}: the denoiser makes latents of ${denoiser} channels, and the decoder reads ${decoder}`;
  throw new EngineFault('load_failed', message);
}

function numberOf(value: unknown, name: string, file: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new EngineFault('load_failed', `${file}: ${name} is ${JSON.stringify(value)}; expected a number`);
}
