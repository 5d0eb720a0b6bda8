import { expect, it } from 'vitest';
import { correctedFor } from './corrected.ts';

it.each([
  // What diffusers 0.39 and 0.42 leave in `pipe.scheduler.config`.
  ['StableDiffusionPipeline', { _class_name: 'DDIMScheduler' }, { steps_offset: 1, clip_sample: false }],
  [
    'StableDiffusionPipeline',
    { _class_name: 'DDIMScheduler', clip_sample: true },
    { steps_offset: 1, clip_sample: false },
  ],
  ['StableDiffusionPipeline', { _class_name: 'PNDMScheduler', steps_offset: 0 }, { steps_offset: 1 }],
  [
    'StableDiffusionPipeline',
    { _class_name: 'LCMScheduler', clip_sample: true },
    { steps_offset: 1, clip_sample: false },
  ],
  ['StableDiffusionInpaintPipeline', { _class_name: 'PNDMScheduler' }, { steps_offset: 1, skip_prk_steps: true }],
  ['StableDiffusionInpaintPipeline', { _class_name: 'DDIMScheduler', clip_sample: true }, { steps_offset: 1 }],
  ['LatentConsistencyModelPipeline', { _class_name: 'LCMScheduler', clip_sample: true, steps_offset: 0 }, {}],
  ['StableDiffusionXLPipeline', { _class_name: 'DDIMScheduler' }, {}],
])('%s with %j', (pipeline, config, changed) => {
  expect(correctedFor(pipeline, config)).toEqual({ ...config, ...changed });
});
