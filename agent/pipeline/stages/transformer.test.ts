import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Runtime } from '../../runtime/runtime.ts';
import { loadTransformer } from './transformer.ts';

const folder = fileURLToPath(new URL('../../../test/fixtures/pipelines/sd3', import.meta.url));
const sample = { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) } as const;

/** Answers what it was fed, under that name. */
const runtimeNaming = (output: string) =>
  ({
    name: 'onnxruntime',
    version: 'none',
    graphFile: 'model.onnx',
    build: async () => '',
    load: async () => ({
      inputs: [{ name: 'hidden_states', type: 'float32', dims: ['batch', 2] }],
      outputs: [{ name: output, type: 'float32', dims: ['batch', 2] }],
      run: async ({ hidden_states: fed }) => ({ [output]: fed ?? sample }),
      close: async () => {},
    }),
  }) satisfies Runtime;

const load = (output: string) =>
  loadTransformer({ folder, runtime: runtimeNaming(output), threads: 1 }, () => ['hidden_states']);

it.each([
  ['out_hidden_states', 'optimum-onnx'],
  ['out_sample', 'optimum-intel'],
])('reads the answer as %s, the name that %s gives it', async (output) => {
  const transformer = await load(output);
  expect(await transformer.predict({ hidden_states: sample })).toEqual(sample.data);
});

it('refuses a graph with neither', async () => {
  await expect(load('logits')).rejects.toThrow(join(folder, 'transformer/model.onnx: has no output'));
});
