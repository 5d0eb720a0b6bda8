// StableDiffusionXLPipeline (and turbo): two CLIP encoders, a UNet that is also told of sizes, a decoder.
import { join } from 'node:path';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import { readJson } from './read-json.ts';
import { checkRequest } from './stages/check-request.ts';
import { denoise, guided } from './stages/denoise.ts';
import { type PictureReader, pictureReader } from './stages/picture-latents.ts';
import { promptCuts, type ReadText } from './stages/prompt-cuts.ts';
import { startPictures } from './stages/start-pictures.ts';
import { besideEachOther, type Float32Tensor, float32, zerosLike } from './stages/tensors.ts';
import { loadTextEncoder, type PartOptions, penultimate, type TextEncoder } from './stages/text-encoder.ts';
import { guidanceInput, loadUnet, type Unet } from './stages/unet.ts';
import { loadVaeDecoder, requireChannels, type VaeDecoder } from './stages/vae-decoder.ts';

/** The reference's own for beginning from a picture. */
const STRENGTH = { usual: 0.3, filling: 0.9999, rounds: 'down' } as const;

interface Parts {
  readonly schedulers: Schedulers;
  readonly encoders: readonly [TextEncoder, TextEncoder];
  /** Which hidden state of each encoder is read. */
  readonly states: readonly [string, string];
  readonly unet: Unet;
  readonly vae: VaeDecoder;
  readonly pictures: PictureReader;
  /** Without a negative prompt, guide away from nothing at all rather than from an empty text. */
  readonly zeros: boolean;
}

/** A text as each encoder reads it. */
type ReadPair = readonly [ReadText, ReadText];

interface Condition {
  readonly words: Float32Tensor;
  readonly pooled: Float32Tensor;
}

/** @throws EngineFault `load_failed` that names the file */
export async function loadStableDiffusionXl(options: PartOptions & { defaults: PictureDefaults }): Promise<Pipeline> {
  const { folder } = options;
  const states = [await penultimate(folder, 'text_encoder'), await penultimate(folder, 'text_encoder_2')] as const;
  const index = await readJson(join(folder, 'model_index.json'));
  const vae = await loadVaeDecoder(options);
  const parts: Parts = {
    schedulers: await loadScheduler(folder),
    encoders: [
      await loadTextEncoder(options, { tokenizer: 'tokenizer', encoder: 'text_encoder', outputs: [states[0]] }),
      await loadTextEncoder(options, {
        tokenizer: 'tokenizer_2',
        encoder: 'text_encoder_2',
        outputs: [states[1], 'text_embeds'],
      }),
    ],
    states,
    unet: await loadUnet(options, ['text_embeds', 'time_ids']),
    vae,
    pictures: pictureReader(options, vae, STRENGTH),
    zeros: (index.force_zeros_for_empty_prompt ?? true) === true,
  };
  const multiple = parts.vae.scale * parts.unet.multiple;
  const check = (request: PictureDefaults) =>
    checkRequest(request, {
      ...{ schedulers: parts.schedulers, multiple, tiles: parts.vae.tiling !== null },
      image: parts.pictures,
      fixedBatch: parts.unet.fixedBatch,
      fills: parts.unet.fills,
      wholeTimesteps: parts.unet.wholeTimesteps,
      distilledGuidance: parts.unet.guidanceWidth !== null,
    });
  requireChannels(options.folder, parts.unet.channels, parts.vae.channels);
  check(options.defaults);
  return { check, generate: (request, host) => generate(parts, request, host) };
}

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { schedulers, unet, vae } = parts;
  const { steps, guidanceScale: scale, width, height } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const prompt = read(parts, request.prompt);
  const guides = scale > 1 && unet.guidanceWidth === null;
  const negative = guides && !leavesNothing(parts, request) ? read(parts, request.negativePrompt ?? '') : null;
  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const asked = await encode(parts, prompt);
  const contrast = guides ? await away(parts, negative, asked) : null;
  // Original size, the corner that was cut off, and the size asked for; each height first.
  const timeIds = float32(Float32Array.of(height, width, 0, 0, height, width), [1, 6]);
  const told = guidanceInput(unet, scale);
  const size = { width: width / vae.scale, height: height / vae.scale };
  const start = await startPictures(parts, request, host);
  const latents = await denoise({
    schedule: schedulers.choose(request.scheduler).schedule(steps),
    ...start,
    size: unet.channels * size.width * size.height,
    host,
    async predict(sample, timestep) {
      const say = ({ words, pooled }: Condition) =>
        unet.predict({
          ...{ sample, beside: start.beside, timestep, words, ...size },
          more: { text_embeds: pooled, time_ids: timeIds, ...told },
        });
      const conditional = await say(asked);
      return contrast ? guided(conditional, await say(contrast), scale) : conditional;
    },
  });
  return {
    pictures: await vae.decode(latents, request, host),
    unknownWords: [],
    promptCuts: promptCuts(prompt, negative ?? []),
  };
}

/** Whether guidance leads away from nothing at all. */
const leavesNothing = ({ zeros }: Parts, { negativePrompt }: PictureRequest): boolean =>
  zeros && negativePrompt === undefined;

async function away(parts: Parts, negative: ReadPair | null, asked: Condition): Promise<Condition> {
  return negative ? encode(parts, negative) : { words: zerosLike(asked.words), pooled: zerosLike(asked.pooled) };
}

const read = ({ encoders }: Parts, text: string): ReadPair => [encoders[0].read(text), encoders[1].read(text)];

async function encode({ encoders, states }: Parts, texts: ReadPair): Promise<Condition> {
  const [first, second] = [await encoders[0].encode(texts[0]), await encoders[1].encode(texts[1])];
  const words = besideEachOther([first.float32(states[0]), second.float32(states[1])]);
  return { words, pooled: second.float32('text_embeds') };
}
