// StillhousePipeline: a small student in pixel space. The denoiser predicts the flow-matching velocity; there is no VAE.
//   text_encoder  input_ids int64 [1, L]                                   → last_hidden_state float32 [1, L, D]
//   unet          sample float32 [N, 3, H, W], timestep [N], encoder_hidden_states → out_sample float32 [N, 3, H, W]

import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits } from '../../shared/limits.ts';
import { seedsFrom } from '../../shared/picture-series.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { EngineFault } from './fault.ts';
import { type Graph, loadGraph, requireTensor, tensorFor } from './graph.ts';
import { loadScheduler, type Schedulers } from './load-scheduler.ts';
import { randn } from './noise.ts';
import type { PictureDefaults, PictureRequest, Pipeline, PipelineHost, PipelinePictures } from './pipeline.ts';
import { planesToRgb } from './pixels.ts';
import { readJson } from './read-json.ts';
import { checkBatch, fixedBatch, toEach } from './stages/batch.ts';
import { refuseNegative } from './stages/refuse-negative.ts';
import { requireNumbers } from './stages/require-numbers.ts';
import { joined, pieces } from './stages/tensors.ts';
import { loadTokenizer, type PromptTokenizer } from './tokenizer.ts';

interface Parts {
  readonly tokenizer: PromptTokenizer;
  readonly schedulers: Schedulers;
  readonly textEncoder: Graph;
  readonly unet: Graph;
  readonly side: { readonly width: number; readonly height: number };
  /** Whether the variant is guided from outside; a student with guidance folded in is not. */
  readonly guided: boolean;
}

/** Loads the pipeline from its folder. @throws EngineFault `load_failed` that names the file */
export async function loadStillhousePipeline(options: {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly threads: number;
  readonly defaults: PictureDefaults;
}): Promise<Pipeline> {
  const { folder, runtime, threads, defaults } = options;
  const [tokenizer, schedulers, unetConfig] = await Promise.all([
    loadTokenizer(join(folder, 'tokenizer')),
    loadScheduler(folder),
    readJson(join(folder, 'unet', 'config.json')),
  ]);
  const textEncoder = await loadGraph(runtime, join(folder, 'text_encoder', runtime.graphFile), {
    threads,
    keepFreed: true,
    inputs: ['input_ids'],
    outputs: ['last_hidden_state'],
  });
  await nextTurn();
  const unet = await loadGraph(runtime, join(folder, 'unet', runtime.graphFile), {
    threads,
    keepFreed: true,
    inputs: ['sample', 'timestep', 'encoder_hidden_states'],
    outputs: ['out_sample'],
  });
  const side = sampleSize(unetConfig.sample_size, join(folder, 'unet', 'config.json'));
  const parts: Parts = { tokenizer, schedulers, textEncoder, unet, side, guided: defaults.guidanceScale > 1 };
  requireShapes(parts);
  check(parts, defaults);
  return {
    check: (request) => check(parts, request),
    generate: (request, host) => generate(parts, request, host),
  };
}

/** What is fed later must fit what the graphs declare, or the version could be installed and never make a picture. */
function requireShapes({ tokenizer, textEncoder, unet, side }: Parts): void {
  requireTensor(textEncoder, 'input_ids', { type: 'int64', dims: [1, tokenizer.length] });
  requireTensor(textEncoder, 'last_hidden_state', { type: 'float32', dims: [1, tokenizer.length, null] });
  const words = textEncoder.session.outputs.find(({ name }) => name === 'last_hidden_state');
  const width = words?.dims[2];
  const context = [1, tokenizer.length, typeof width === 'number' ? width : null];
  requireTensor(unet, 'encoder_hidden_states', { type: 'float32', dims: context });
  requireTensor(unet, 'sample', { type: 'float32', dims: [1, 3, side.height, side.width] });
}

function sampleSize(value: unknown, file: string): Parts['side'] {
  const [height, width] = Array.isArray(value) ? value : [value, value];
  if (Number.isInteger(height) && Number.isInteger(width)) return { width, height };
  throw new EngineFault('load_failed', `${file}: sample_size is ${JSON.stringify(value)}; expected pixels`);
}

function check({ side, guided, unet }: Parts, request: PictureDefaults & Partial<PictureRequest>): void {
  const { steps, width, height, guidanceScale, tiled } = request;
  if (request.image || request.strength !== undefined)
    throw new EngineFault('invalid_request', 'image: this model begins from noise only; leave it out');
  if (tiled)
    throw new EngineFault(
      'invalid_request',
      'tiled: this model paints pixels, there is nothing to decode; leave it out',
    );
  if (!Number.isInteger(steps) || steps < 1 || steps > limits.steps)
    throw new EngineFault(
      'steps_not_supported',
      `steps: ${steps} is not possible; this model takes 1 to ${limits.steps}`,
    );
  if (width !== side.width || height !== side.height)
    throw new EngineFault(
      'size_not_supported',
      `size: ${width}x${height} is not possible; this model makes ${side.width}x${side.height} only`,
    );
  checkBatch(request, fixedBatch(unet, 'sample'));
  if (!(guidanceScale >= 0))
    throw new EngineFault('invalid_request', `guidanceScale: ${guidanceScale} is no number from 0 up`);
  if (guidanceScale > 1 && !guided)
    throw new EngineFault(
      'invalid_request',
      `guidanceScale: ${guidanceScale} is not possible; guidance is distilled into this model, leave it out`,
    );
  if (!guided) refuseNegative(request);
}

async function generate(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<PipelinePictures> {
  const { tokenizer, schedulers } = parts;
  const schedule = schedulers.choose(request.scheduler).schedule(request.steps);
  const { width, height, steps, batch = 1 } = request;
  await host.reach({ stage: 'tokenize', done: 0, total: 1 });
  const { ids, unknownWords } = tokenizer.tokenize(request.prompt);
  const awayIds = request.guidanceScale > 1 ? tokenizer.tokenize(request.negativePrompt ?? '').ids : null;

  await host.reach({ stage: 'encode', done: 0, total: 1 });
  const encoding = encode(parts, ids);
  // Drawn meanwhile: OpenVINO leaves this thread free.
  let sample = joined(seedsFrom(request.seed, batch).map((seed) => randn(seed, 3 * height * width)));
  const conditional = await encoding;
  const unconditional = awayIds && (await encode(parts, awayIds));

  await host.reach({ stage: 'denoise', done: 0, total: steps });
  for (const [step, timestep] of schedule.timesteps.entries()) {
    const at = { sample, dims: [batch, 3, height, width], timestep };
    const velocity = await predict(parts, at, conditional);
    if (unconditional) guide(velocity, await predict(parts, at, unconditional), request.guidanceScale);
    sample = schedule.step({ step, sample, modelOutput: velocity });
    await host.reach({ stage: 'denoise', done: step + 1, total: steps }, () =>
      planesToRgb(pieces(sample, batch)[0] as Float32Array, width, height),
    );
  }
  await host.reach({ stage: 'decode', done: 0, total: 1 });
  requireNumbers(sample, parts.unet.path);
  return {
    pictures: pieces(sample, batch).map((one) => planesToRgb(one, width, height)),
    unknownWords,
    promptCuts: [],
  };
}

async function encode({ textEncoder }: Parts, ids: BigInt64Array): Promise<Tensor> {
  const feeds = { input_ids: { type: 'int64', dims: [1, ids.length], data: ids } } as const;
  return (await textEncoder.run(feeds)).float32('last_hidden_state');
}

async function predict(
  { unet }: Parts,
  at: { readonly sample: Float32Array; readonly dims: readonly number[]; readonly timestep: number },
  words: Tensor,
): Promise<Float32Array> {
  const feeds = {
    sample: { type: 'float32', dims: at.dims, data: at.sample },
    timestep: tensorFor(unet, 'timestep', [at.timestep], [1]),
    encoder_hidden_states: words,
  } as const;
  const { data } = (await unet.run(toEach(unet, feeds, at.dims[0] ?? 1))).float32('out_sample');
  if (data.length !== at.sample.length)
    throw new EngineFault(
      'run_failed',
      `${unet.path}: out_sample holds ${data.length} values, not ${at.sample.length}`,
    );
  return data;
}

/** Classifier-free guidance (Ho and Salimans 2022), in place: `unconditional + scale · (conditional − unconditional)`. */
function guide(conditional: Float32Array, unconditional: Float32Array, scale: number): void {
  for (let i = 0; i < conditional.length; i++) {
    const base = unconditional[i] as number;
    conditional[i] = base + scale * ((conditional[i] as number) - base);
  }
}
