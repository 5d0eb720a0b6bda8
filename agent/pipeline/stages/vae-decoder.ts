// Latents become a picture: AutoencoderKL's decoder, or a small one (TAESD) in its place.
import { join } from 'node:path';
import { EngineFault } from '../fault.ts';
import { loadGraph, requireDims } from '../graph.ts';
import { planesToRgb } from '../pixels.ts';
import type { RgbPicture } from '../png.ts';
import { readJson } from '../read-json.ts';
import type { PartOptions } from './text-encoder.ts';

export interface VaeDecoder {
  /** Pixels a side for each latent. */
  readonly scale: number;
  /** Of latents. */
  readonly channels: number;
  /** @param latents float32 [channels, height / scale, width / scale] as the denoiser left them */
  decode(latents: Float32Array, width: number, height: number): Promise<RgbPicture>;
}

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
    numberOf(config.scaling_factor ?? 1, 'scaling_factor', file),
    numberOf(config.shift_factor ?? 0, 'shift_factor', file),
  ];
  if (factor <= 0) throw new EngineFault('load_failed', `${file}: scaling_factor is ${factor}`);
  const scale = 2 ** (blocks.length - 1);
  return {
    scale,
    channels,
    async decode(latents, width, height) {
      const data = latents.map((value) => Math.fround(value / factor) + shift);
      const dims = [1, channels, height / scale, width / scale];
      const planes = (await graph.run({ latent_sample: { type: 'float32', dims, data } })).float32('sample').data;
      if (planes.length === 3 * width * height) return planesToRgb(planes, width, height);
      throw new EngineFault('run_failed', `${graph.path}: sample holds ${planes.length} values for ${width}x${height}`);
    },
  };
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
