import { expect, test } from 'vitest';
import { referenceDefaults } from './reference-defaults.ts';

const vae = { block_out_channels: [128, 256, 512, 512] };
const pndm = { _class_name: 'PNDMScheduler' };
const trailing = { _class_name: 'EulerAncestralDiscreteScheduler', timestep_spacing: 'trailing' };

test.each([
  ['StableDiffusionPipeline', pndm, { sample_size: 64 }, { steps: 50, guidanceScale: 7.5, width: 512, height: 512 }],
  [
    'StableDiffusionPipeline',
    trailing,
    { sample_size: [64, 96] },
    { steps: 4, guidanceScale: 0, width: 768, height: 512 },
  ],
  ['StableDiffusionXLPipeline', trailing, { sample_size: 64 }, { steps: 4, guidanceScale: 0, width: 512, height: 512 }],
  ['FluxPipeline', {}, { guidance_embeds: true }, { steps: 28, guidanceScale: 3.5, width: 1024, height: 1024 }],
  ['ZImagePipeline', {}, { in_channels: 16 }, { steps: 9, guidanceScale: 0, width: 1024, height: 1024 }],
  ['FluxPipeline', {}, { guidance_embeds: false }, { steps: 4, guidanceScale: 0, width: 1024, height: 1024 }],
])('%s with %o and %o', (pipeline, scheduler, denoiser, wanted) => {
  expect(referenceDefaults({ pipeline, scheduler, denoiser, vae })).toEqual(wanted);
});

test('a student’s defaults stand in its manifest', () => {
  expect(referenceDefaults({ pipeline: 'StillhousePipeline', scheduler: {}, denoiser: {}, vae })).toBeNull();
  expect(referenceDefaults({ pipeline: 'toString', scheduler: {}, denoiser: {}, vae })).toBeNull();
});
