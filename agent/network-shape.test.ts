import { describe, expect, it } from 'vitest';
import { readNetworkShape } from './network-shape.ts';

const vae = { block_out_channels: [128, 256, 512, 512], sample_size: 512 };
const flux = { _class_name: 'FluxTransformer2DModel', num_attention_heads: 24, attention_head_dim: 128 };

/** Of a folder whose components' settings are these. */
function shapeOf(configs: Readonly<Record<string, object>>, arch: NodeJS.Architecture = 'x64') {
  const files = Object.entries(configs).map(([part, config]) => [`folder/${part}/config.json`, JSON.stringify(config)]);
  const texts: Readonly<Record<string, string>> = Object.fromEntries(files);
  const readText = async (path: string) => texts[path] ?? Promise.reject(new Error(path));
  return readNetworkShape('folder', readText, arch);
}

describe('readNetworkShape', () => {
  it('reads how wide a transformer is, and how many words T5 reads for it', async () => {
    const parts = { transformer: flux, vae_decoder: vae, text_encoder_2: { num_heads: 64 } };
    const known = { words: 512, textScores: 64 * 512 ** 2, channels: 3072, tokenSide: 16, scores: 'several times' };
    expect(await shapeOf(parts)).toMatchObject(known);
    const third = { transformer: { ...flux, _class_name: 'SD3Transformer2DModel' }, text_encoder_3: { num_heads: 64 } };
    expect(await shapeOf({ ...third, vae_decoder: vae })).toMatchObject({ words: 333, textScores: 64 * 256 ** 2 });
  });

  it('knows which attention holds no scores, and on which processors', async () => {
    const parts = { transformer: { ...flux, fused_attention: true }, vae_decoder: vae };
    expect(await shapeOf(parts)).toMatchObject({
      scores: 'none',
      decoderScores: 'several times',
      multipliesBytes: true,
    });
    expect(await shapeOf(parts, 'arm64')).toMatchObject({ scores: 'once', multipliesBytes: false });
    const decoder = { transformer: flux, vae_decoder: { ...vae, fused_attention: true } };
    expect(await shapeOf(decoder)).toMatchObject({ scores: 'several times', decoderScores: 'none' });
  });

  it('reads how many weights of a U-Net are those of convolutions', async () => {
    const unet = { down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'], attention_head_dim: 4 };
    const widths = [2, 3];
    // Products of channels: down 8 + 4 and 15, between 2·18, up 27 + 24 + 9 and 14 + 12.
    const known = { convolved: 9 * (12 + 15 + 36 + 60 + 26) };
    expect(
      await shapeOf({ unet: { ...unet, block_out_channels: widths, layers_per_block: 1 }, vae_decoder: vae }),
    ).toMatchObject(known);
    expect(await shapeOf({ transformer: flux, vae_decoder: vae })).toMatchObject({ convolved: 0 });
  });

  it('says nothing of a folder whose settings do not say it', async () => {
    expect(await shapeOf({ transformer: flux })).toBeNull();
    expect(await shapeOf({ transformer: { ...flux, num_attention_heads: 0 }, vae_decoder: vae })).toBeNull();
  });
});
