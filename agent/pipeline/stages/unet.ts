// UNet2DConditionModel: predicts noise from a sample, a timestep and words.
import { join } from 'node:path';
import { EngineFault } from '../fault.ts';
import { type Graph, loadGraph, requireDims, takesWholeOnly, tensorFor } from '../graph.ts';
import { readJson } from '../read-json.ts';
import { fixedBatch, toEach } from './batch.ts';
import { type Float32Tensor, float32, joined, pieces } from './tensors.ts';
import type { PartOptions } from './text-encoder.ts';

export interface Unet {
  /** Of latents. */
  readonly channels: number;
  /** It also reads a mask and the latents of what stays (`StableDiffusionInpaintPipeline`'s 9 channels). */
  readonly fills: boolean;
  /** Sides of the latents that it was trained with. */
  readonly sampleSize: { readonly width: number; readonly height: number };
  /** Latents a side must be multiples of it: each block below the first halves them. */
  readonly multiple: number;
  /** Width of the guidance's own embedding, where guidance is distilled into the model. */
  readonly guidanceWidth: number | null;
  /** How many pictures its graph takes at a time; null for any number. */
  readonly fixedBatch: number | null;
  /** Its graph was exported with whole timesteps, and would round those between two steps of training. */
  readonly wholeTimesteps: boolean;
  predict(at: UnetInput): Promise<Float32Array>;
}

export interface UnetInput {
  /** Of one picture after another. */
  readonly sample: Float32Array;
  /** Further channels behind each sample's. */
  readonly beside?: Float32Array | undefined;
  readonly width: number;
  readonly height: number;
  readonly timestep: number;
  readonly words: Float32Tensor;
  /** Further inputs by their names, as SDXL's `text_embeds` and `time_ids`. */
  readonly more?: Readonly<Record<string, Float32Tensor>>;
}

/** @param more inputs beyond sample, timestep, words and guidance @throws EngineFault `load_failed` */
export async function loadUnet({ folder, runtime, threads }: PartOptions, more: readonly string[] = []): Promise<Unet> {
  const file = join(folder, 'unet', 'config.json');
  const config = await readJson(file);
  const guidanceWidth = config.time_cond_proj_dim === null ? null : (config.time_cond_proj_dim ?? null);
  if (guidanceWidth !== null && !isCount(guidanceWidth))
    throw new EngineFault('load_failed', `${file}: time_cond_proj_dim is ${JSON.stringify(guidanceWidth)}`);
  const graph = await loadGraph(runtime, join(folder, 'unet', runtime.graphFile), {
    threads,
    real: ['timestep'],
    inputs: ['sample', 'timestep', 'encoder_hidden_states', ...more, ...(guidanceWidth ? ['timestep_cond'] : [])],
    outputs: ['out_sample'],
  });
  const blocks = config.block_out_channels;
  const { in_channels: given, out_channels: channels = given } = config;
  if (!isCount(given) || !isCount(channels) || !Array.isArray(blocks) || blocks.length < 1 || blocks.length > 8)
    throw new EngineFault('load_failed', `${file}: in_channels, out_channels and block_out_channels cannot be read`);
  const fills = given === 2 * channels + 1;
  if (given !== channels && !fills)
    throw new EngineFault(
      'load_failed',
      `${file}: in_channels is ${given}; of ${channels} channels a model reads ${channels}, or ${2 * channels + 1} to fill masks`,
    );
  requireDims(graph, 'sample', [null, given, null, null]);
  requireDims(graph, 'encoder_hidden_states', [null, null, null]);
  const [height, width] = Array.isArray(config.sample_size)
    ? config.sample_size
    : [config.sample_size, config.sample_size];
  if (!isCount(height) || !isCount(width))
    throw new EngineFault('load_failed', `${file}: sample_size is ${JSON.stringify(config.sample_size)}`);
  return {
    channels,
    fills,
    sampleSize: { width, height },
    multiple: 2 ** (blocks.length - 1),
    guidanceWidth,
    fixedBatch: fixedBatch(graph, 'sample'),
    wholeTimesteps: takesWholeOnly(graph, 'timestep'),
    predict: (at) => predict(graph, { given, channels }, at),
  };
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_536;

async function predict(
  graph: Graph,
  { given, channels }: { given: number; channels: number },
  at: UnetInput,
): Promise<Float32Array> {
  const { sample, beside, width, height, timestep, words, more } = at;
  const batch = sample.length / (channels * width * height);
  const rank = graph.session.inputs.find(({ name }) => name === 'timestep')?.dims.length;
  const feeds = {
    sample: float32(beside ? besideEach(sample, beside, batch) : sample, [batch, given, height, width]),
    timestep: tensorFor(graph, 'timestep', [timestep], rank === 0 ? [] : [1]),
    encoder_hidden_states: words,
    ...more,
  };
  const { data } = (await graph.run(toEach(graph, feeds, batch))).float32('out_sample');
  if (data.length === sample.length) return data;
  throw new EngineFault('run_failed', `${graph.path}: out_sample holds ${data.length} values, not ${sample.length}`);
}

function besideEach(sample: Float32Array, beside: Float32Array, batch: number): Float32Array {
  const further = pieces(beside, batch);
  return joined(pieces(sample, batch).flatMap((one, i) => [one, further[i] as Float32Array]));
}

/** What such a model is told at every step; nothing for any other. */
export function guidanceInput({ guidanceWidth }: Unet, scale: number): Readonly<Record<string, Float32Tensor>> {
  return guidanceWidth === null ? {} : { timestep_cond: guidanceEmbedding(scale, guidanceWidth) };
}

/**
 * How strong guidance is, as a model that has it distilled in wants to be told: sines and cosines of `1000 · (scale − 1)`.
 *
 * @param width of the embedding
 */
function guidanceEmbedding(scale: number, width: number): Float32Tensor {
  const { fround } = Math;
  const weight = fround(fround(scale - 1) * 1000);
  const half = Math.floor(width / 2);
  const step = fround(-fround(Math.log(10_000) / (half - 1)));
  const data = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const angle = fround(weight * fround(Math.exp(fround(i * step))));
    data[i] = Math.sin(angle);
    data[half + i] = Math.cos(angle);
  }
  return float32(data, [1, width]);
}
