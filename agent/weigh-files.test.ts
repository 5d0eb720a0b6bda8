import { expect, it } from 'vitest';
import { weighFiles } from './weigh-files.ts';

it('tells the graph of each component from the weights beside it', () => {
  const files = ['vae_decoder', 'vae_encoder'].flatMap((part, i) => [
    { path: `openvino/${part}/openvino_model.xml`, bytes: 10 + i },
    { path: `openvino/${part}/openvino_model.bin`, bytes: 100 + i },
    { path: `openvino/${part}/config.json`, bytes: 1000 },
  ]);
  expect(weighFiles(files)).toEqual({
    components: [{ stage: 'decode', bytes: 110, graphBytes: 10, weightBytes: 100, followed: false }],
    ...{ graphBytes: 10, weightBytes: 100, decodes: true },
    encoder: { graphBytes: 11, weightBytes: 101 },
  });
});

it('knows after which part of a graph others come', () => {
  const paths = ['unet/part_02.onnx', 'vae_decoder/part_01.onnx', 'unet/part_01.onnx', 'unet/part_01.onnx_data'];
  const { components } = weighFiles(paths.map((path) => ({ path, bytes: 1 })));
  expect(components.map(({ bytes, followed }) => [bytes, followed])).toEqual([
    [1, false],
    [1, false],
    [2, true],
  ]);
});
