// What of a folder's networks a picture's memory follows from: how many tokens attend to each other, and how wide the layers
// are, by the components' own config.json.
import { join } from 'node:path';
import { parseObject } from './pipeline/read-json.ts';
import type { NetworkShape, ScoresKept } from './rules/memory/picture-bytes.ts';

type Config = Readonly<Record<string, unknown>>;
type Denoiser = Pick<NetworkShape, 'denoiser' | 'heads' | 'words' | 'channels' | 'convolved'> & {
  readonly latentsPerToken: number;
};

/** Words that the references have T5 read, by the pipeline's transformer. */
const T5_WORDS: Readonly<Record<string, number>> = { SD3Transformer2DModel: 256, FluxTransformer2DModel: 512 };
const CLIP_WORDS = 77;
const Z_IMAGE_WORDS = 32;

/**
 * @param readText of a file; rejects where there is none
 * @param arch as Node names the instruction set that the networks will run on
 * @returns null for a folder whose settings do not say it
 */
export async function readNetworkShape(
  folder: string,
  readText: (path: string) => Promise<string>,
  arch: NodeJS.Architecture,
): Promise<NetworkShape | null> {
  const config = async (path: string): Promise<Config> => parseObject(await readText(path), path);
  const read = (part: string): Promise<Config | null> => config(join(folder, part, 'config.json')).catch(() => null);
  const isThere = (path: string) =>
    readText(path).then(
      () => true,
      () => false,
    );
  const [unet, transformer, vae] = [await read('unet'), await read('transformer'), await read('vae_decoder')];
  const [second, third] = [await read('text_encoder_2'), await read('text_encoder_3')];
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
    cut,
    multipliesBytes: arch === 'x64',
    scores: scoresKept((unet ?? transformer)?.fused_attention, arch),
    decoderScores: scoresKept(vae.fused_attention, arch),
    // Of CLIP's and Qwen's few words nothing is to be seen; only T5's configuration speaks of `num_heads`.
    textScores: (Number((third ?? second)?.num_heads) || 0) * t5WordsOf(transformer ?? {}) ** 2,
    tokenSide: latentSide * latentsPerToken,
    latentSide,
    decoderChannels: blocks[0] as number,
    decoderAttends: vae.decoder_block_out_channels === undefined && vae.mid_block_add_attention !== false,
    tilePixels: Number(vae.sample_size) || 0,
  };
}

/**
 * ONNX Runtime's own operator, which the toolkit marks, computes scores piece by piece where it knows the size of the second
 * cache. It asks glibc, which says it on x86-64 and not on arm64.
 */
function scoresKept(fused: unknown, arch: NodeJS.Architecture): ScoresKept {
  if (fused !== true) return 'several times';
  return arch === 'x64' ? 'none' : 'once';
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
  return {
    ...{ denoiser: 'unet', heads: count, latentsPerToken: 2 ** first, words: 0, channels: widths[0] as number },
    convolved: weightsOfConvolutions(widths, Number(config.layers_per_block) || 2),
  };
}

/**
 * Of a U-Net's convolutions of 3x3, by diffusers' blocks: two in each residual layer, one of which reads what the way down left
 * on the way up, and one between two sizes.
 */
function weightsOfConvolutions(widths: readonly number[], layers: number): number {
  const deepest = widths.length - 1;
  const width = (level: number) => widths[Math.min(Math.max(level, 0), deepest)] as number;
  const residual = (from: number, to: number) => from * to + to ** 2;
  const ofLevel = (level: number) => {
    const [here, above, below] = [width(level), width(level - 1), width(level + 1)];
    const down = residual(above, here) + (layers - 1) * residual(here, here) + (level < deepest ? here ** 2 : 0);
    const skips = (layers - 1) * residual(2 * here, here) + residual(here + above, here);
    return down + residual(below + here, here) + skips + (level > 0 ? here ** 2 : 0);
  };
  const between = 2 * residual(width(deepest), width(deepest));
  return 9 * (between + widths.reduce((sum, _, level) => sum + ofLevel(level), 0));
}

function ofTransformer(config: Config): Denoiser | null {
  const heads = Number(config.num_attention_heads ?? config.n_heads);
  if (!(heads > 0)) return null;
  const words = t5WordsOf(config);
  const channels = Number(config.dim ?? heads * Number(config.attention_head_dim)) || 0;
  const shape = { denoiser: 'transformer', heads, latentsPerToken: 2, channels, convolved: 0 } as const;
  switch (config._class_name) {
    case 'SD3Transformer2DModel':
      return { ...shape, latentsPerToken: Number(config.patch_size) || 2, words: CLIP_WORDS + words };
    case 'FluxTransformer2DModel':
      return { ...shape, denoiser: 'flux', words };
    case 'ZImageTransformer2DModel':
      return { ...shape, denoiser: 'z-image', words: Z_IMAGE_WORDS };
    default:
      return null;
  }
}

const t5WordsOf = (transformer: Config): number => T5_WORDS[String(transformer._class_name)] ?? 0;

function numbers(value: unknown): readonly number[] | null {
  return Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one)) ? value : null;
}
