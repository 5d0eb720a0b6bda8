// StableDiffusionPipeline (1.x, 2.x, turbo) and LatentConsistencyModelPipeline: CLIP, a UNet over latents, a decoder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EngineFault } from './fault.ts';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import { pipelineClass } from './pipeline-class.ts';
import { readJson } from './read-json.ts';
import { checkRequest } from './stages/check-request.ts';
import { denoise, guided } from './stages/denoise.ts';
import { type PictureReader, pictureReader } from './stages/picture-latents.ts';
import { promptCuts, type ReadText } from './stages/prompt-cuts.ts';
import { scheduleOf } from './stages/schedule-of.ts';
import { startPictures } from './stages/start-pictures.ts';
import type { Float32Tensor } from './stages/tensors.ts';
import { loadTextEncoder, type PartOptions, type TextEncoder } from './stages/text-encoder.ts';
import { guidanceInput, loadUnet, type Unet } from './stages/unet.ts';
import { loadVaeDecoder, requireChannels, type VaeDecoder } from './stages/vae-decoder.ts';

/** The references' own for beginning from a picture. */
const STRENGTH = { usual: 0.8, filling: 1, rounds: 'down' } as const;

/** Latent consistency walks as many steps over a part of the training's. */
const CONSISTENCY = { usual: 0.8, rounds: 'shortens' } as const;

interface Parts {
  readonly schedulers: Schedulers;
  readonly encoder: TextEncoder;
  readonly unet: Unet;
  readonly vae: VaeDecoder;
  readonly pictures: PictureReader;
}

/** @throws EngineFault `load_failed` that names the file */
export async function loadStableDiffusion(options: PartOptions & { defaults: PictureDefaults }): Promise<Pipeline> {
  const vae = await loadVaeDecoder(options);
  const unet = await loadUnet(options);
  const parts: Parts = {
    schedulers: await loadScheduler(options.folder),
    encoder: await loadTextEncoder(options, {
      tokenizer: 'tokenizer',
      encoder: 'text_encoder',
      outputs: ['last_hidden_state'],
    }),
    unet,
    vae,
    pictures: pictureReader(options, vae, (await isConsistency(options.folder)) ? CONSISTENCY : STRENGTH),
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
  await requireUnmasked(options.folder);
  requireChannels(options.folder, parts.unet.channels, parts.vae.channels);
  check(options.defaults);
  return { check, generate: (request, host) => generate(parts, request, host) };
}

/** By its pipeline: a model with guidance distilled in walks Stable Diffusion's way where its folder names that. */
async function isConsistency(folder: string): Promise<boolean> {
  return pipelineClass(await readJson(join(folder, 'model_index.json'))) === 'LatentConsistencyModelPipeline';
}

/** Exported graphs read no mask of the words, so that padding would count as words where the reference hides it. */
async function requireUnmasked(folder: string): Promise<void> {
  const file = join(folder, 'text_encoder', 'config.json');
  if (!existsSync(file) || (await readJson(file)).use_attention_mask !== true) return;
  throw new EngineFault('load_failed', `${file}: use_attention_mask is not supported; leave it out`);
}

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { schedulers, encoder, unet, vae, pictures } = parts;
  const { guidanceScale: scale, width, height, negativePrompt = '' } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const asked = encoder.read(request.prompt);
  // A model with guidance distilled in is told its strength and runs once a step.
  const away = scale > 1 && unet.guidanceWidth === null ? encoder.read(negativePrompt) : null;
  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const words = await encode(parts, asked);
  const contrast = away && (await encode(parts, away));
  const more = guidanceInput(unet, scale);
  const size = { width: width / vae.scale, height: height / vae.scale };
  const start = await startPictures(parts, request, host);
  const latents = await denoise({
    schedule: scheduleOf(schedulers.choose(request.scheduler), request, pictures),
    ...start,
    size: unet.channels * size.width * size.height,
    host,
    async predict(sample, timestep) {
      const at = { sample, beside: start.beside, timestep, more, ...size };
      const conditional = await unet.predict({ ...at, words });
      return contrast ? guided(conditional, await unet.predict({ ...at, words: contrast }), scale) : conditional;
    },
  });
  return {
    pictures: await vae.decode(latents, request, host),
    unknownWords: [],
    promptCuts: promptCuts([asked], away ? [away] : []),
  };
}

async function encode({ encoder }: Parts, text: ReadText): Promise<Float32Tensor> {
  return (await encoder.encode(text)).float32('last_hidden_state');
}
