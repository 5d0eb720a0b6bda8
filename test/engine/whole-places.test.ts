// Flux as optimum-onnx exports it takes the places of words and patches as whole numbers.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { onnxRuntime } from '../../agent/runtime/onnxruntime.ts';
import type { Runtime, Tensor } from '../../agent/runtime/runtime.ts';

const folder = fileURLToPath(new URL('../fixtures/pipelines/flux-dev', import.meta.url));
const defaults = { steps: 2, guidanceScale: 3, width: 48, height: 32 };
const isPlace = (name: string) => name === 'img_ids' || name === 'txt_ids';

/** Its graphs declare int64 there and take nothing else, as a cast at their beginning would have it. */
const withWholePlaces: Runtime = {
  ...onnxRuntime,
  async load(path, options) {
    const session = await onnxRuntime.load(path, options);
    const turned = (name: string, tensor: Tensor): Tensor => {
      if (!isPlace(name)) return tensor;
      expect(tensor).toMatchObject({ type: 'int64', data: expect.any(BigInt64Array) });
      return { ...tensor, type: 'float32', data: Float32Array.from(tensor.data as BigInt64Array, Number) };
    };
    return {
      ...session,
      inputs: session.inputs.map((input) => (isPlace(input.name) ? { ...input, type: 'int64' } : input)),
      run: (feeds) =>
        session.run(Object.fromEntries(Object.entries(feeds).map(([name, fed]) => [name, turned(name, fed)]))),
    };
  },
};

it('paints the same as from fractions', async () => {
  const paint = async (runtime: Runtime) => {
    const pipeline = await loadPipeline({ folder, runtime, threads: 1, defaults });
    return pipeline.generate({ ...defaults, prompt: 'a red fox', seed: 7 }, { reach: async () => {} });
  };
  expect(await paint(withWholePlaces)).toEqual(await paint(onnxRuntime));
});
