// What a folder that says nothing of its own takes: the defaults of diffusers' pipelines, and those that the distilled
// models' own pages name.
import type { PictureDefaults } from './pipeline.ts';

export interface FolderConfigs {
  /** `_class_name` of model_index.json. */
  readonly pipeline: string;
  readonly scheduler: Readonly<Record<string, unknown>>;
  /** Of the unet or the transformer. */
  readonly denoiser: Readonly<Record<string, unknown>>;
  readonly vae: Readonly<Record<string, unknown>>;
}

const BY_CLASS: Readonly<Record<string, { readonly steps: number; readonly guidanceScale: number }>> = {
  StableDiffusionPipeline: { steps: 50, guidanceScale: 7.5 },
  StableDiffusionInpaintPipeline: { steps: 50, guidanceScale: 7.5 },
  LatentConsistencyModelPipeline: { steps: 4, guidanceScale: 8.5 },
  StableDiffusionXLPipeline: { steps: 50, guidanceScale: 5 },
  StableDiffusionXLInpaintPipeline: { steps: 50, guidanceScale: 7.5 },
  StableDiffusion3Pipeline: { steps: 28, guidanceScale: 7 },
  FluxPipeline: { steps: 28, guidanceScale: 3.5 },
  // As the page of Z-Image-Turbo asks: nothing in a folder tells it from the models that it was distilled from.
  ZImagePipeline: { steps: 9, guidanceScale: 0 },
};
/** Pipelines that a folder may be of which has no manifest. */
export const BARE_PIPELINES: readonly string[] = Object.keys(BY_CLASS);

/** Turbo models, schnell, and whatever else walks few steps unguided. */
const DISTILLED = { steps: 4, guidanceScale: 0 };
/** Latents a side, where the transformer does not say it. */
const LATENTS = 128;

/** Null for a pipeline whose defaults stand in a manifest only. */
export function referenceDefaults(configs: FolderConfigs): PictureDefaults | null {
  const { pipeline, denoiser, vae } = configs;
  const known = Object.hasOwn(BY_CLASS, pipeline) ? BY_CLASS[pipeline] : undefined;
  if (!known) return null;
  const blocks = vae.block_out_channels ?? vae.decoder_block_out_channels;
  const scale = Array.isArray(blocks) ? 2 ** (blocks.length - 1) : 8;
  const size = denoiser.sample_size ?? LATENTS;
  const [height, width] = (Array.isArray(size) ? size : [size, size]).map((side) => Number(side) * scale);
  return { ...(isDistilled(configs) ? DISTILLED : known), width: width ?? Number.NaN, height: height ?? Number.NaN };
}

function isDistilled({ pipeline, scheduler, denoiser }: FolderConfigs): boolean {
  if (pipeline === 'FluxPipeline') return denoiser.guidance_embeds !== true;
  return /^Euler(Ancestral)?Discrete/.test(String(scheduler._class_name)) && scheduler.timestep_spacing === 'trailing';
}
