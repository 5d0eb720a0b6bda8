import { describe, expect, it } from 'vitest';
import type { Runtime, Session, Tensor } from '../runtime/runtime.ts';
import { rememberEmbeddings } from './remember-embeddings.ts';

/** Answers with what it was fed, doubled, and counts. */
function doubling() {
  const runs: string[] = [];
  const runtime: Runtime = {
    ...{ name: 'onnxruntime', version: '0', graphFile: 'model.onnx', build: async () => '' },
    load: async (path): Promise<Session> => ({
      ...{ inputs: [], outputs: [], close: async () => {} },
      async run(feeds) {
        runs.push(path);
        const data = Float32Array.from(feeds.ids?.data as Float32Array, (value) => value * 2);
        return { out: { type: 'float32', dims: [data.length], data } };
      },
    }),
  };
  return { runs, ...rememberEmbeddings(runtime) };
}

const feeds = (...values: number[]) => ({
  ids: { type: 'float32', dims: [values.length], data: Float32Array.from(values) } as const,
});

const valuesOf = ({ out }: Readonly<Record<string, Tensor>>): Float32Array => out?.data as Float32Array;

describe('rememberEmbeddings', () => {
  it('runs a text encoder once a prompt, counts what it reuses, and hands out copies', async () => {
    const { runtime, begin, reused, runs } = doubling();
    const session = await runtime.load('/v/text_encoder_2/model.onnx', { threads: 1 });
    begin(false);
    const first = await session.run(feeds(1, 2));
    valuesOf(first)[0] = 99;
    begin(false);
    const second = await session.run(feeds(1, 2));
    expect([...valuesOf(second)]).toEqual([2, 4]);
    valuesOf(second)[0] = 99;
    expect([...valuesOf(await session.run(feeds(1, 2)))]).toEqual([2, 4]);
    expect([runs.length, reused()]).toEqual([1, 2]);
    await session.run(feeds(2, 1));
    expect([runs.length, reused()]).toEqual([2, 2]);
  });

  it('reuses nothing in a measurement, and never a denoiser', async () => {
    const { runtime, begin, runs } = doubling();
    const encoder = await runtime.load('/v/text_encoder/model.onnx', { threads: 1 });
    const denoiser = await runtime.load('/v/unet/model.onnx', { threads: 1 });
    begin(true);
    for (let i = 0; i < 2; i++) await encoder.run(feeds(1));
    begin(false);
    for (let i = 0; i < 2; i++) await denoiser.run(feeds(1));
    expect(runs).toHaveLength(4);
  });

  it('forgets the oldest beyond its bound', async () => {
    const { runtime, begin, runs } = doubling();
    const session = await runtime.load('/v/text_encoder/model.onnx', { threads: 1 });
    begin(false);
    const large = (value: number) => ({
      ids: { type: 'float32', dims: [1_500_000], data: new Float32Array(1_500_000).fill(value) } as const,
    });
    for (const value of [1, 2, 3, 1]) await session.run(large(value));
    expect(runs).toHaveLength(4);
    await session.run(large(3));
    expect(runs).toHaveLength(4);
  });
});
