// Chooses the pipeline by the class that model_index.json names, as diffusers does.
import { join } from 'node:path';
import type { Runtime } from '../runtime/runtime.ts';
import { EngineFault } from './fault.ts';
import type { PictureDefaults, Pipeline } from './pipeline.ts';
import { pipelineClass } from './pipeline-class.ts';
import { readJson } from './read-json.ts';

export interface PipelineOptions {
  /** Absolute; `model_index.json` stands in it. */
  readonly folder: string;
  readonly runtime: Runtime;
  readonly threads: number;
  readonly defaults: PictureDefaults;
}

type Load = (options: PipelineOptions) => Promise<Pipeline>;

const stableDiffusion = async () => (await import('./stable-diffusion.ts')).loadStableDiffusion;
const stableDiffusionXl = async () => (await import('./stable-diffusion-xl.ts')).loadStableDiffusionXl;
/** An engine needs one of them, and each takes megabytes and time to start. */
const PIPELINES: Readonly<Record<string, () => Promise<Load>>> = {
  StillhousePipeline: async () => (await import('./stillhouse-pipeline.ts')).loadStillhousePipeline,
  StableDiffusionPipeline: stableDiffusion,
  StableDiffusionInpaintPipeline: stableDiffusion,
  LatentConsistencyModelPipeline: stableDiffusion,
  StableDiffusionXLPipeline: stableDiffusionXl,
  StableDiffusionXLInpaintPipeline: stableDiffusionXl,
  StableDiffusion3Pipeline: async () => (await import('./stable-diffusion-3.ts')).loadStableDiffusion3,
  FluxPipeline: async () => (await import('./flux.ts')).loadFlux,
  ZImagePipeline: async () => (await import('./z-image.ts')).loadZImage,
};

/** @throws EngineFault `load_failed` that names the file, and for an unknown class the known ones */
export async function loadPipeline(options: PipelineOptions): Promise<Pipeline> {
  const file = join(options.folder, 'model_index.json');
  const index = await readJson(file);
  const name = pipelineClass(index);
  const find = name !== null && Object.hasOwn(PIPELINES, name) ? PIPELINES[name] : undefined;
  if (!find)
    throw new EngineFault(
      'load_failed',
      `${file}: pipeline ${JSON.stringify(index._class_name)} is not known; known: ${Object.keys(PIPELINES).join(', ')}`,
    );
  return (await find())(options);
}
