// FluxPipeline (schnell, dev): CLIP's pooled vector, T5's words, a transformer over packed latents, a decoder.
import type { Tensor } from '../runtime/runtime.ts';
import { tensorFor } from './graph.ts';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import type { FlowSettings } from './schedulers/scheduler.ts';
import { checkRequest } from './stages/check-request.ts';
import { denoise } from './stages/denoise.ts';
import { evenFlow } from './stages/flow-shift.ts';
import { packLatents, unpackLatents } from './stages/pack-latents.ts';
import { type PictureReader, pictureReader } from './stages/picture-latents.ts';
import { promptCuts } from './stages/prompt-cuts.ts';
import { startPictures } from './stages/start-pictures.ts';
import { float32, joined, pieces } from './stages/tensors.ts';
import { loadTextEncoder, type PartOptions, type TextEncoder } from './stages/text-encoder.ts';
import { loadTransformer, type Transformer } from './stages/transformer.ts';
import { loadVaeDecoder, requireChannels, type VaeDecoder } from './stages/vae-decoder.ts';

/** The reference's `max_sequence_length`. */
const T5_TOKENS = 512;
const INPUTS = ['hidden_states', 'encoder_hidden_states', 'pooled_projections', 'timestep', 'img_ids', 'txt_ids'];

/** The reference's own for beginning from a picture. */
const STRENGTH = { usual: 0.6, rounds: 'up' } as const;

interface Parts {
  readonly schedulers: Schedulers;
  readonly clip: TextEncoder;
  readonly t5: TextEncoder;
  readonly transformer: Transformer;
  readonly vae: VaeDecoder;
  readonly pictures: PictureReader;
}

/** @throws EngineFault `load_failed` that names the file */
export async function loadFlux(options: PartOptions & { defaults: PictureDefaults }): Promise<Pipeline> {
  const vae = await loadVaeDecoder(options);
  const parts: Parts = {
    schedulers: await loadScheduler(options.folder),
    clip: await loadTextEncoder(options, {
      tokenizer: 'tokenizer',
      encoder: 'text_encoder',
      outputs: ['pooler_output'],
    }),
    t5: await loadTextEncoder(options, {
      tokenizer: 'tokenizer_2',
      encoder: 'text_encoder_2',
      outputs: ['last_hidden_state'],
      length: T5_TOKENS,
    }),
    transformer: await loadTransformer(options, (config) =>
      config.guidance_embeds ? [...INPUTS, 'guidance'] : INPUTS,
    ),
    vae,
    pictures: pictureReader(options, vae, STRENGTH),
  };
  const check = (request: PictureDefaults) =>
    checkRequest(request, {
      schedulers: parts.schedulers,
      multiple: 2 * parts.vae.scale,
      tiles: parts.vae.tiling !== null,
      image: parts.pictures,
      fixedBatch: parts.transformer.fixedBatch,
      flow: flowOf(parts, request),
      distilledGuidance: true,
    });
  requireChannels(options.folder, parts.transformer.count('in_channels') / 4, parts.vae.channels);
  check(options.defaults);
  return { check, generate: (request, host) => generate(parts, request, host) };
}

const flowOf = ({ schedulers, vae }: Parts, request: PictureDefaults): FlowSettings =>
  evenFlow(request, 2 * vae.scale, schedulers.config);

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { schedulers, clip, t5, transformer, vae } = parts;
  const { steps, width, height, batch = 1 } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const [summary, sentence] = [clip.read(request.prompt), t5.read(request.prompt)];
  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const pooled = (await clip.encode(summary)).float32('pooler_output');
  const words = (await t5.encode(sentence)).float32('last_hidden_state');
  const size = { width: width / vae.scale, height: height / vae.scale };
  const channels = transformer.count('in_channels');
  const patches = (size.width / 2) * (size.height / 2);
  const constant = {
    encoder_hidden_states: words,
    pooled_projections: pooled,
    ...(transformer.config.guidance_embeds ? { guidance: float32(Float32Array.of(request.guidanceScale), [1]) } : {}),
  };
  const places = {
    img_ids: positions(transformer, 'img_ids', imageIds(size.width / 2, size.height / 2)),
    txt_ids: positions(transformer, 'txt_ids', new Float32Array(3 * T5_TOKENS)),
  };
  const pack = (latents: Float32Array) =>
    joined(pieces(latents, batch).map((one) => packLatents(one, channels / 4, size)));
  const unpack = (packed: Float32Array) =>
    joined(pieces(packed, batch).map((one) => unpackLatents(one, channels / 4, size)));
  const { noise, from, look } = await startPictures(parts, request, host);
  const latents = await denoise({
    schedule: schedulers.choose(request.scheduler).schedule(steps, flowOf(parts, request)),
    // Drawn over the picture, then packed: the reference's order.
    noise: { randn: (count) => pack(noise.randn(count)) },
    size: channels * patches,
    from: from && { ...from, latents: pack(from.latents) },
    look: look && ((sample) => look(unpack(sample))),
    host,
    predict: (sample, timestep) =>
      transformer.predict(
        {
          ...constant,
          hidden_states: float32(sample, [batch, patches, channels]),
          timestep: tensorFor(transformer.graph, 'timestep', [Math.fround(timestep / 1000)], [1]),
        },
        places,
      ),
  });
  return {
    pictures: await vae.decode(unpack(latents), request, host),
    unknownWords: [],
    promptCuts: promptCuts([summary, sentence], []),
  };
}

/** Row and column of every patch, after a 0. */
function imageIds(columns: number, rows: number): Float32Array {
  const data = new Float32Array(3 * rows * columns);
  for (let patch = 0; patch < rows * columns; patch++) {
    data[3 * patch + 1] = Math.floor(patch / columns);
    data[3 * patch + 2] = patch % columns;
  }
  return data;
}

/** Older exports declare a batch before the positions, and optimum-onnx whole numbers. */
function positions({ graph }: Transformer, name: string, ids: Float32Array): Tensor {
  const rank = graph.session.inputs.find((input) => input.name === name)?.dims.length;
  const dims = [ids.length / 3, 3];
  return tensorFor(graph, name, Array.from(ids), rank === 3 ? [1, ...dims] : dims);
}
