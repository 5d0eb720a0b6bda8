// Old folders hold settings that diffusers' pipelines put right, with a warning, when they are given the scheduler.
import type { SchedulerConfig } from './settings.ts';

/**
 * The settings as the constructor of that class leaves them: `steps_offset` of 1 and no clipping of latents
 * (`StableDiffusionPipeline`), no Runge-Kutta steps (`StableDiffusionInpaintPipeline`); others take them as they are.
 */
export function correctedFor(pipeline: unknown, config: SchedulerConfig): SchedulerConfig {
  const offset = config._class_name === 'FlowMatchEulerDiscreteScheduler' ? {} : { steps_offset: 1 };
  switch (pipeline) {
    case 'StableDiffusionPipeline':
      return { ...config, ...offset, ...(clips(config) && { clip_sample: false }) };
    case 'StableDiffusionInpaintPipeline':
      return { ...config, ...offset, ...(begins(config) && { skip_prk_steps: true }) };
    default:
      return config;
  }
}

/** DDIM clips unless it is told not to. */
const clips = ({ clip_sample: clip, _class_name: name }: SchedulerConfig): boolean =>
  (clip ?? name === 'DDIMScheduler') === true;

/** PNDM begins with Runge-Kutta unless it is told not to. */
const begins = ({ skip_prk_steps: skips, _class_name: name }: SchedulerConfig): boolean =>
  (skips ?? (name === 'PNDMScheduler' ? false : undefined)) === false;
