// Chooses the pipeline by the class that model_index.json names, as diffusers does.
import { join } from 'node:path';
import type { Runtime } from '../runtime/runtime.ts';
import { EngineFault } from './fault.ts';
import { loadFlux } from './flux.ts';
import type { PictureDefaults, Pipeline } from './pipeline.ts';
import { readJson } from './read-json.ts';
import { loadStableDiffusion } from './stable-diffusion.ts';
import { loadStableDiffusion3 } from './stable-diffusion-3.ts';
import { loadStableDiffusionXl } from './stable-diffusion-xl.ts';
import { loadStillhousePipeline } from './stillhouse-pipeline.ts';
import { loadZImage } from './z-image.ts';

export interface PipelineOptions {
  /** Absolute; `model_index.json` stands in it. */
  readonly folder: string;
  readonly runtime: Runtime;
  readonly threads: number;
  readonly defaults: PictureDefaults;
}

const PIPELINES: Readonly<Record<string, (options: PipelineOptions) => Promise<Pipeline>>> = {
  StillhousePipeline: loadStillhousePipeline,
  StableDiffusionPipeline: loadStableDiffusion,
  LatentConsistencyModelPipeline: loadStableDiffusion,
  StableDiffusionXLPipeline: loadStableDiffusionXl,
  StableDiffusion3Pipeline: loadStableDiffusion3,
  FluxPipeline: loadFlux,
  ZImagePipeline: loadZImage,
};

/** @throws EngineFault `load_failed` that names the file, and for an unknown class the known ones */
export async function loadPipeline(options: PipelineOptions): Promise<Pipeline> {
  const file = join(options.folder, 'model_index.json');
  const { _class_name: name } = await readJson(file);
  const load = typeof name === 'string' && Object.hasOwn(PIPELINES, name) ? PIPELINES[name] : undefined;
  if (!load)
    throw new EngineFault(
      'load_failed',
      `${file}: pipeline ${JSON.stringify(name)} is not known; known: ${Object.keys(PIPELINES).join(', ')}`,
    );
  return load(options);
}
