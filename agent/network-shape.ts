// What of a folder's networks a picture's memory follows from: how many tokens attend to each other, and how wide the layers
// are, by the components' own config.json.
import { join } from 'node:path';
import { parseObject } from './pipeline/read-json.ts';
import type { NetworkShape } from './rules/predict-memory.ts';

type Config = Readonly<Record<string, unknown>>;
type Denoiser = Pick<NetworkShape, 'denoiser' | 'heads' | 'words' | 'channels'> & { readonly latentsPerToken: number };

/** T5's tokens that the references give the transformers, and CLIP's beside them. */
const [SD3_WORDS, FLUX_WORDS, Z_IMAGE_WORDS] = [77 + 256, 512, 32];

/**
 * @param readText of a file; rejects where there is none
 * @returns null for a folder whose settings do not say it
 */
export async function readNetworkShape(
  folder: string,
  readText: (path: string) => Promise<string>,
): Promise<NetworkShape | null> {
  const config = async (path: string): Promise<Config> => parseObject(await readText(path), path);
  const read = (part: string): Promise<Config | null> => config(join(folder, part, 'config.json')).catch(() => null);
  const isThere = (path: string) =>
    readText(path).then(
      () => true,
      () => false,
    );
  const [unet, transformer, vae] = [await read('unet'), await read('transformer'), await read('vae_decoder')];
  const found = (unet && ofUnet(unet)) ?? (transformer && ofTransformer(transformer));
  const cut =
    (await isThere(join(folder, 'unet', 'parts.json'))) || (await isThere(join(folder, 'transformer', 'parts.json')));
  const blocks = numbers(vae?.block_out_channels ?? vae?.decoder_block_out_channels);
  if (!found || !vae || !blocks) return null;
  const { latentsPerToken, ...denoiser } = found;
  const latentSide = 2 ** (blocks.length - 1);
  return {
    ...denoiser,
    // A graph that the toolkit cut computes attention a head at a time.
    heads: cut ? 1 : denoiser.heads,
    tokenSide: latentSide * latentsPerToken,
    latentSide,
    decoderChannels: blocks[0] as number,
    decoderAttends: vae.decoder_block_out_channels === undefined && vae.mid_block_add_attention !== false,
    tilePixels: Number(vae.sample_size) || 0,
  };
}

function ofUnet(config: Config): Denoiser | null {
  const [blocks, widths] = [config.down_block_types, numbers(config.block_out_channels)];
  if (!Array.isArray(blocks) || !widths) return null;
  const first = Math.max(
    0,
    blocks.findIndex((name) => String(name).includes('CrossAttn')),
  );
  // Its name notwithstanding, diffusers takes it for the number of heads (UNet2DConditionModel, issue 2011).
  const heads = config.num_attention_heads ?? config.attention_head_dim;
  const count = Number(Array.isArray(heads) ? heads[first] : heads);
  if (!(count > 0)) return null;
  return { denoiser: 'unet', heads: count, latentsPerToken: 2 ** first, words: 0, channels: widths[0] as number };
}

function ofTransformer(config: Config): Denoiser | null {
  const heads = Number(config.num_attention_heads ?? config.n_heads);
  if (!(heads > 0)) return null;
  const shape = { denoiser: 'transformer', heads, latentsPerToken: 2, channels: 0 } as const;
  switch (config._class_name) {
    case 'SD3Transformer2DModel':
      return { ...shape, latentsPerToken: Number(config.patch_size) || 2, words: SD3_WORDS };
    case 'FluxTransformer2DModel':
      return { ...shape, words: FLUX_WORDS };
    case 'ZImageTransformer2DModel':
      return { ...shape, denoiser: 'z-image', words: Z_IMAGE_WORDS };
    default:
      return null;
  }
}

function numbers(value: unknown): readonly number[] | null {
  return Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one)) ? value : null;
}
