// StableDiffusion3Pipeline: two CLIP encoders and, where the folder has it, T5; a transformer of flow matching; a decoder.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { tensorFor } from './graph.ts';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import type { FlowSettings } from './schedulers/scheduler.ts';
import { checkRequest } from './stages/check-request.ts';
import { denoise, guided } from './stages/denoise.ts';
import { flowShift } from './stages/flow-shift.ts';
import { type PictureReader, pictureReader } from './stages/picture-latents.ts';
import { promptCuts, type ReadText } from './stages/prompt-cuts.ts';
import { startPictures } from './stages/start-pictures.ts';
import { afterEachOther, besideEachOther, type Float32Tensor, float32 } from './stages/tensors.ts';
import { loadTextEncoder, type PartOptions, penultimate, type TextEncoder } from './stages/text-encoder.ts';
import { loadTransformer, type Transformer } from './stages/transformer.ts';
import { loadVaeDecoder, requireChannels, type VaeDecoder } from './stages/vae-decoder.ts';

/** The reference's `max_sequence_length`; without T5 as many rows of nothing stand in its place. */
const T5_TOKENS = 256;
const INPUTS = ['hidden_states', 'encoder_hidden_states', 'pooled_projections', 'timestep'];

/** The reference's own for beginning from a picture. */
const STRENGTH = { usual: 0.6, rounds: 'up' } as const;

interface Parts {
  readonly schedulers: Schedulers;
  readonly encoders: readonly [TextEncoder, TextEncoder];
  readonly states: readonly [string, string];
  readonly t5: TextEncoder | null;
  readonly transformer: Transformer;
  readonly vae: VaeDecoder;
  readonly pictures: PictureReader;
}

/** A text as each encoder reads it. */
interface ReadPrompt {
  readonly pair: readonly [ReadText, ReadText];
  /** Where there is T5. */
  readonly sentence: ReadText | null;
}

interface Condition {
  readonly words: Float32Tensor;
  readonly pooled: Float32Tensor;
}

/** @throws EngineFault `load_failed` that names the file */
export async function loadStableDiffusion3(options: PartOptions & { defaults: PictureDefaults }): Promise<Pipeline> {
  const parts = await loadParts(options);
  const multiple = parts.vae.scale * parts.transformer.count('patch_size');
  const { pos_embed_max_size: positions } = parts.transformer.config;
  const check = (request: PictureDefaults) =>
    checkRequest(request, {
      ...(typeof positions === 'number' && positions > 0 && { longestSide: positions * multiple }),
      ...{ schedulers: parts.schedulers, multiple, tiles: parts.vae.tiling !== null },
      image: parts.pictures,
      fixedBatch: parts.transformer.fixedBatch,
      flow: flowOf(parts, request),
    });
  requireChannels(options.folder, parts.transformer.count('in_channels'), parts.vae.channels);
  check(options.defaults);
  return { check, generate: (request, host) => generate(parts, request, host) };
}

async function loadParts(options: PartOptions): Promise<Parts> {
  const { folder } = options;
  const states = [await penultimate(folder, 'text_encoder'), await penultimate(folder, 'text_encoder_2')] as const;
  const clip = (tokenizer: string, encoder: string, state: string) =>
    loadTextEncoder(options, { tokenizer, encoder, outputs: [state, 'text_embeds'] });
  const vae = await loadVaeDecoder(options);
  return {
    schedulers: await loadScheduler(folder),
    encoders: [
      await clip('tokenizer', 'text_encoder', states[0]),
      await clip('tokenizer_2', 'text_encoder_2', states[1]),
    ],
    states,
    t5: await loadT5(options),
    transformer: await loadTransformer(options, () => INPUTS),
    vae,
    pictures: pictureReader(options, vae, STRENGTH),
  };
}

async function loadT5(options: PartOptions): Promise<TextEncoder | null> {
  const folder = join(options.folder, 'text_encoder_3');
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  const at = { tokenizer: 'tokenizer_3', encoder: 'text_encoder_3', outputs: ['last_hidden_state'], length: T5_TOKENS };
  return there ? loadTextEncoder(options, at) : null;
}

function flowOf({ schedulers, transformer, vae }: Parts, { width, height }: PictureDefaults): FlowSettings {
  if (!schedulers.config.use_dynamic_shifting) return {};
  const side = vae.scale * transformer.count('patch_size');
  return { mu: flowShift(Math.floor(width / side) * Math.floor(height / side), schedulers.config) };
}

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { schedulers, transformer, vae } = parts;
  const { steps, guidanceScale: scale, width, height, batch = 1, negativePrompt = '' } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const prompt = read(parts, request.prompt);
  const negative = scale > 1 ? read(parts, negativePrompt) : null;
  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const asked = await encode(parts, prompt);
  const contrast = negative && (await encode(parts, negative));
  const dims = [batch, transformer.count('in_channels'), height / vae.scale, width / vae.scale];
  const start = await startPictures(parts, request, host);
  const latents = await denoise({
    schedule: schedulers.choose(request.scheduler).schedule(steps, flowOf(parts, request)),
    ...start,
    size: dims.slice(1).reduce((product, side) => product * side, 1),
    host,
    async predict(sample, timestep) {
      const say = ({ words, pooled }: Condition) =>
        transformer.predict({
          hidden_states: float32(sample, dims),
          encoder_hidden_states: words,
          pooled_projections: pooled,
          timestep: tensorFor(transformer.graph, 'timestep', [timestep], [1]),
        });
      const conditional = await say(asked);
      return contrast ? guided(conditional, await say(contrast), scale) : conditional;
    },
  });
  return {
    pictures: await vae.decode(latents, request, host),
    unknownWords: [],
    promptCuts: promptCuts(textsOf(prompt), negative ? textsOf(negative) : []),
  };
}

function read({ encoders, t5 }: Parts, text: string): ReadPrompt {
  return { pair: [encoders[0].read(text), encoders[1].read(text)], sentence: t5?.read(text) ?? null };
}

const textsOf = ({ pair, sentence }: ReadPrompt): readonly ReadText[] => (sentence ? [...pair, sentence] : pair);

async function encode({ encoders, states, t5, transformer }: Parts, text: ReadPrompt): Promise<Condition> {
  const { pair } = text;
  const [first, second] = [await encoders[0].encode(pair[0]), await encoders[1].encode(pair[1])];
  const width = transformer.count('joint_attention_dim');
  const words = besideEachOther([first.float32(states[0]), second.float32(states[1])], width);
  const sentence =
    t5 && text.sentence
      ? (await t5.encode(text.sentence)).float32('last_hidden_state')
      : float32(new Float32Array(T5_TOKENS * width), [1, T5_TOKENS, width]);
  const pooled = afterEachOther([first.float32('text_embeds'), second.float32('text_embeds')]);
  return { words: afterEachOther([words, sentence]), pooled };
}
