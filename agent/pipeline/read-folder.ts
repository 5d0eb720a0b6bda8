// What a pipeline folder without a manifest is: its class, runtime, precision, size and defaults, all from its own files.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Variant } from '../../shared/manifest.ts';
import { EngineFault } from './fault.ts';
import { filesOfGraph } from './graph-parts.ts';
import { checkOnnx } from './onnx/check-onnx.ts';
import { bytesOf, elementsOf } from './onnx/onnx-fault.ts';
import { readOnnx } from './onnx/read-onnx.ts';
import { checkIr } from './openvino-ir/check-ir.ts';
import { weighIr } from './openvino-ir/weigh-ir.ts';
import type { PictureDefaults } from './pipeline.ts';
import { pipelineClass } from './pipeline-class.ts';
import { readJson } from './read-json.ts';
import { BARE_PIPELINES, referenceDefaults } from './reference-defaults.ts';

export type StoredPrecision = 'fp32' | 'fp16' | 'bf16' | 'int8' | 'int4';

export interface FolderFacts {
  readonly pipeline: string;
  readonly runtime: Variant['runtime'];
  /** Of most bytes of the weights. */
  readonly precision: StoredPrecision;
  /** Weights of all graphs that make pictures. */
  readonly parameters: number;
  readonly defaults: PictureDefaults;
}

/** Bytes and numbers of a graph's weights. */
export interface Weighed {
  readonly precision: StoredPrecision;
  readonly bytes: number;
  readonly elements: number;
}

const GRAPH_FILES = { onnxruntime: 'model.onnx', openvino: 'openvino_model.xml' } as const;
const PRECISIONS: Readonly<Record<number, StoredPrecision>> = {
  ...{ 1: 'fp32', 10: 'fp16', 16: 'bf16', 2: 'int8', 3: 'int8', 21: 'int4', 22: 'int4' },
};

/** @throws EngineFault `load_failed` that names what is missing or wrong */
export async function readFolder(folder: string): Promise<FolderFacts> {
  const index = join(folder, 'model_index.json');
  if (!existsSync(index))
    throw new EngineFault(
      'load_failed',
      `${folder}: no folder of a model; it has neither model_index.json, as pipelines have, nor manifest.json, as versions have`,
    );
  const pipeline = pipelineClass(await readJson(index));
  const denoiser = ['unet', 'transformer'].find((name) => existsSync(join(folder, name)));
  if (pipeline === null || denoiser === undefined)
    throw new EngineFault('load_failed', `${folder}: no pipeline folder; it has neither unet/ nor transformer/`);
  const runtime = await runtimeOf(join(folder, denoiser));
  const components = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== 'vae_encoder',
  );
  const graphs = components.map(({ name }) => filesOfGraph(join(folder, name, GRAPH_FILES[runtime])));
  const parts = (await Promise.all(graphs)).flat();
  const weighed = (await Promise.all(parts.filter((file) => existsSync(file)).map(weigh))).flat();
  const configs = {
    pipeline,
    scheduler: await readJson(join(folder, 'scheduler', 'scheduler_config.json')),
    denoiser: await readJson(join(folder, denoiser, 'config.json')),
    vae: await readJson(join(folder, 'vae_decoder', 'config.json')).catch(() => ({})),
  };
  const defaults = referenceDefaults(configs);
  if (!defaults)
    throw new EngineFault(
      'load_failed',
      `${index}: pipeline "${pipeline}" is not known without a manifest.json; known: ${BARE_PIPELINES.join(', ')}`,
    );
  const parameters = weighed.reduce((sum, { elements }) => sum + elements, 0);
  return { pipeline, runtime, precision: mostBytes(weighed), parameters, defaults };
}

async function runtimeOf(denoiser: string): Promise<Variant['runtime']> {
  const files = await filesOfGraph(join(denoiser, GRAPH_FILES.onnxruntime));
  if (files.every((file) => existsSync(file))) return 'onnxruntime';
  if (existsSync(join(denoiser, GRAPH_FILES.openvino))) return 'openvino';
  throw new EngineFault(
    'load_failed',
    `${denoiser}: neither ${GRAPH_FILES.onnxruntime} nor ${GRAPH_FILES.openvino}; ` +
      '"still distil export-diffusers FOLDER --out DIR" makes graphs of a diffusers folder',
  );
}

async function weigh(file: string): Promise<Weighed[]> {
  if (file.endsWith('.xml')) return weighIr(checkIr(file).constants);
  checkOnnx(file);
  return readOnnx(file).weights.flatMap((weights) => {
    const precision = PRECISIONS[weights.type];
    return precision ? [{ precision, bytes: bytesOf(weights) ?? 0, elements: elementsOf(weights) }] : [];
  });
}

function mostBytes(weighed: readonly Weighed[]): StoredPrecision {
  const sums = new Map<StoredPrecision, number>();
  for (const { precision, bytes } of weighed) sums.set(precision, (sums.get(precision) ?? 0) + bytes);
  return [...sums].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'fp32';
}
