import { expect, it } from 'vitest';
import { pipelineClass } from './pipeline-class.ts';

it.each([
  ['StableDiffusionPipeline', 'StableDiffusionPipeline'],
  // `ORTStableDiffusionXLPipeline.from_pretrained(folder, export=True).save_pretrained(…)`
  ['ORTStableDiffusionXLPipeline', 'StableDiffusionXLPipeline'],
  ['OVFluxPipeline', 'FluxPipeline'],
  ['OVERPipeline', 'OVERPipeline'],
  [['package', 'Own'], null],
  [undefined, null],
])('%j is %j', (name, wanted) => expect(pipelineClass({ _class_name: name })).toBe(wanted));
