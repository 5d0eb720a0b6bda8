// ZImagePipeline (Turbo and others): Qwen3 reads the prompt as a talk, a transformer of flow matching whose time runs from
// 0 to 1 and whose answer points the other way, a decoder.

import { join } from 'node:path';
import { elementwise } from './elementwise.ts';
import { EngineFault } from './fault.ts';
import { type Graph, loadGraph, tensorFor } from './graph.ts';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import type { FlowSettings } from './schedulers/scheduler.ts';
import { loadChatTemplate } from './stages/chat-template.ts';
import { checkRequest } from './stages/check-request.ts';
import { denoise } from './stages/denoise.ts';
import { evenFlow } from './stages/flow-shift.ts';
import { PLACE_INPUTS, paddedWords } from './stages/padded-words.ts';
import { type PictureReader, pictureReader } from './stages/picture-latents.ts';
import { promptCuts, type ReadText } from './stages/prompt-cuts.ts';
import { startPictures } from './stages/start-pictures.ts';
import { type Float32Tensor, float32 } from './stages/tensors.ts';
import { type PartOptions, penultimate } from './stages/text-encoder.ts';
import { loadTextTokenizer, type TextCut, type TextTokenizer } from './stages/text-tokenizer.ts';
import { loadTransformer, type Transformer } from './stages/transformer.ts';
import { loadVaeDecoder, requireChannels, type VaeDecoder } from './stages/vae-decoder.ts';

/** The reference's `max_sequence_length`, with what the template adds. */
const MOST_TOKENS = 512;
/** Guidance up to which the reference leads away from nothing. */
const UNGUIDED = 0;
/** Latents a side of each patch. */
const PATCH = 2;
const INPUTS = ['hidden_states', 'encoder_hidden_states', 'timestep'];
/** The reference's own for beginning from a picture. */
const STRENGTH = { usual: 0.6, rounds: 'up' } as const;

interface ReadTalk extends ReadText {
  /** How many of the ids are no padding. */
  readonly used: number;
}

interface Parts {
  readonly schedulers: Schedulers;
  /** Takes a prompt apart, as its talk. */
  readonly read: (prompt: string) => ReadTalk;
  readonly encoder: Graph;
  /** Name of the state that is read. */
  readonly state: string;
  /** As optimum-intel exports it: graphs that are told of padding and places. */
  readonly told: boolean;
  readonly transformer: Transformer;
  readonly vae: VaeDecoder;
  readonly pictures: PictureReader;
}

/** @throws EngineFault `load_failed` that names the file */
export async function loadZImage(options: PartOptions & { defaults: PictureDefaults }): Promise<Pipeline> {
  const parts = await loadParts(options);
  const longest = mostPatches(parts.transformer, options.folder);
  const check = (request: PictureDefaults) => {
    checkRequest(request, {
      ...{ schedulers: parts.schedulers, multiple: PATCH * parts.vae.scale, tiles: parts.vae.tiling !== null },
      image: parts.pictures,
      fixedBatch: parts.transformer.fixedBatch,
      flow: flowOf(parts, request),
    });
    const side = longest * PATCH * parts.vae.scale;
    if (Math.max(request.width, request.height) > side)
      throw new EngineFault('size_not_supported', `a side of more than ${side} pixels has no place in this model`);
  };
  requireChannels(options.folder, parts.transformer.count('in_channels'), parts.vae.channels);
  check(options.defaults);
  return { check, unguidedUpTo: UNGUIDED, generate: (request, host) => generate(parts, request, host) };
}

async function loadParts(options: PartOptions): Promise<Parts> {
  const { folder, runtime, threads } = options;
  const transformer = await loadTransformer(options, () => INPUTS, PLACE_INPUTS);
  const told = transformer.graph.session.inputs.some(({ name }) => name === 'txt_ids');
  // That exporter's last state is the last but one of the model.
  const state = told ? 'last_hidden_state' : await penultimate(folder, 'text_encoder');
  const vae = await loadVaeDecoder(options);
  const template = await loadChatTemplate(join(folder, 'tokenizer'));
  const tokenizer = await loadTextTokenizer(join(folder, 'tokenizer'));
  return {
    schedulers: await loadScheduler(folder),
    read: readerOf(template, tokenizer),
    encoder: await loadGraph(runtime, join(folder, 'text_encoder', runtime.graphFile), {
      ...{ threads, inputs: ['input_ids', ...(told ? ['attention_mask'] : [])], outputs: [state] },
    }),
    ...{ state, told, transformer },
    vae,
    pictures: pictureReader(options, vae, STRENGTH),
  };
}

/** Of a side, by the places that the transformer knows. */
function mostPatches({ config }: Transformer, folder: string): number {
  const [, rows, columns] = Array.isArray(config.axes_lens) ? config.axes_lens : [];
  if (Number.isInteger(rows) && Number.isInteger(columns)) return Math.min(rows, columns);
  throw new EngineFault(
    'load_failed',
    `${folder}: axes_lens of the transformer is ${JSON.stringify(config.axes_lens)}`,
  );
}

const flowOf = ({ schedulers, vae }: Parts, request: PictureDefaults): FlowSettings =>
  evenFlow(request, PATCH * vae.scale, schedulers.config);

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { schedulers, transformer, vae } = parts;
  const { steps, guidanceScale: scale, width, height, batch = 1, negativePrompt = '' } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const prompt = parts.read(request.prompt);
  const negative = scale > UNGUIDED ? parts.read(negativePrompt) : null;
  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const asked = await encode(parts, prompt);
  const contrast = negative && (await encode(parts, negative));
  const dims = [batch, vae.channels, height / vae.scale, width / vae.scale];
  const patches = { rows: height / vae.scale / PATCH, columns: width / vae.scale / PATCH };
  const start = await startPictures(parts, request, host);
  const latents = await denoise({
    schedule: schedulers.choose(request.scheduler).schedule(steps, flowOf(parts, request)),
    ...start,
    size: dims.slice(1).reduce((product, side) => product * side, 1),
    host,
    async predict(sample, timestep) {
      const moment = Math.fround(Math.fround(1000 - timestep) / 1000);
      const say = (words: Float32Tensor) =>
        transformer.predict({
          hidden_states: float32(sample, dims),
          ...(parts.told ? paddedWords(words, patches) : { encoder_hidden_states: words }),
          timestep: tensorFor(transformer.graph, 'timestep', [moment], [1]),
        });
      const conditional = await say(asked);
      const answer = contrast ? away(conditional, await say(contrast), scale) : conditional;
      return elementwise([answer], ([velocity], { times }) => times(velocity, -1));
    },
  });
  return {
    pictures: await vae.decode(latents, request, host),
    unknownWords: [],
    promptCuts: promptCuts([prompt], negative ? [negative] : []),
  };
}

/** Only the words themselves: what stands behind them cannot be seen by them. */
async function encode({ encoder, state, told }: Parts, { ids, used }: ReadTalk): Promise<Float32Tensor> {
  const given = Array.from(ids.subarray(0, used), Number);
  const tensor = (name: string, values: readonly number[]) => tensorFor(encoder, name, values, [1, used]);
  const words = { input_ids: tensor('input_ids', given) };
  const feeds = told ? { ...words, attention_mask: tensor('attention_mask', Array(used).fill(1)) } : words;
  return (await encoder.run(feeds)).float32(state);
}

/** What the template says behind the prompt is cut, too, but is nothing of the prompt's. */
function readerOf(template: (prompt: string) => string, tokenizer: TextTokenizer): Parts['read'] {
  const some = 'a red fox';
  const behind = template(some).split(some).at(-1) ?? '';
  const ofPrompt = (cut: TextCut | null): TextCut | null => {
    if (!cut || behind.endsWith(cut.unread)) return null;
    return cut.unread.endsWith(behind) ? { ...cut, unread: cut.unread.slice(0, -behind.length || undefined) } : cut;
  };
  return (prompt) => {
    const { ids, used, cut } = tokenizer.encode(template(prompt), MOST_TOKENS);
    return { encoder: 'text_encoder', length: MOST_TOKENS, ids, used, cut: ofPrompt(cut) };
  };
}

/** This reference's own guidance, which counts from the asked answer: 0 is none. */
function away(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  return elementwise([conditional, unconditional], ([asked, other], { plus, minus, times }) =>
    plus(asked, times(minus(asked, other), scale)),
  );
}
