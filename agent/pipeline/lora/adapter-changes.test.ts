import { describe, expect, it } from 'vitest';
import { changesOf } from './adapter-changes.ts';
import type { Weights } from './read-safetensors.ts';

const of = (...dims: number[]): Weights => ({
  dims,
  values: new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(3),
});
const read = (names: Record<string, Weights>, metadata = {}) =>
  changesOf({ tensors: new Map(Object.entries(names)), metadata });

describe('a LoRA names its modules', () => {
  const module = 'up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0';
  it.each([
    ['unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0', 'lora_A', 'lora_B'],
    ['unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0', 'lora.down', 'lora.up'],
    ['unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0', 'lora_A.default', 'lora_B.default'],
    ['unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora', 'down', 'up'],
    ['lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0', 'lora_down', 'lora_up'],
  ])('as %s with %s', (base, down, up) => {
    const [change] = read({ [`${base}.${down}.weight`]: of(4, 8), [`${base}.${up}.weight`]: of(6, 4) });
    expect(change).toMatchObject({ part: 'denoiser', module, scale: 1, up: { dims: [6, 4] }, down: { dims: [4, 8] } });
  });

  it('of text encoders, with or without their wrapper', () => {
    const bases = [
      'text_encoder.text_model.encoder.layers.0.mlp.fc1',
      'text_encoder.encoder.layers.0.mlp.fc1',
      'lora_te_text_model_encoder_layers_0_mlp_fc1',
      'lora_te1_text_model_encoder_layers_0_mlp_fc1',
    ];
    for (const base of bases) {
      const [change] = read({ [`${base}.lora_down.weight`]: of(4, 8), [`${base}.lora_up.weight`]: of(6, 4) });
      expect(change).toMatchObject({ part: 'text_encoder', module: 'encoder_layers_0_mlp_fc1' });
    }
  });
});

describe('how much of it', () => {
  const pair = { 'unet.a.lora_A.weight': of(4, 8), 'unet.a.lora_B.weight': of(6, 4) };
  it('is alpha over rank, from the file or its metadata', () => {
    expect(read({ ...pair, 'unet.a.alpha': of(1) })[0]?.scale).toBe(0.75);
    const metadata = { lora_adapter_metadata: JSON.stringify({ 'unet.lora_alpha': 6, 'unet.alpha_pattern': {} }) };
    expect(read(pair, metadata)[0]?.scale).toBe(1.5);
  });

  it.each([
    [{ 'unet.use_dora': true }, 'unet.use_dora is set'],
    [{ 'unet.alpha_pattern': { a: 2 } }, 'unet.alpha_pattern is set'],
  ])('is refused where %o says otherwise', (settings, why) => {
    expect(() => read(pair, { lora_adapter_metadata: JSON.stringify(settings) })).toThrow(why);
  });
});

it.each([
  [{ 'unet.a.hada_w1_a': of(1) }, '"unet.a.hada_w1_a" is no part of a plain LoRA'],
  [{ 'unet.a.lora_A.weight': of(4, 8) }, '"unet.a" has only one of its two matrices'],
  [{ 'vae.a.lora_A.weight': of(4, 8), 'vae.a.lora_B.weight': of(6, 4) }, 'names no part of a pipeline'],
  [{}, 'holds no LoRA'],
])('refuses %o', (names, why) => expect(() => read(names as Record<string, Weights>)).toThrow(why));
