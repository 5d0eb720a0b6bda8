import { describe, expect, it } from 'vitest';
import type { Graph } from '../graph.ts';
import { checkBatch, fixedBatch, toEach } from './batch.ts';

const graphOf = (inputs: Readonly<Record<string, readonly (number | string)[]>>): Graph => ({
  path: 'model.onnx',
  session: {
    inputs: Object.entries(inputs).map(([name, dims]) => ({ name, type: 'float32', dims })),
    outputs: [],
    run: async () => ({}),
    close: async () => {},
  },
  run: () => Promise.reject(new Error('nothing runs here')),
});

describe('what is said of one picture', () => {
  const graph = graphOf({ sample: ['batch', 4, 8, 8], timestep: [], words: ['batch', 2], one: [1, 2], ids: ['n', 2] });
  const tensor = (dims: readonly number[], ...values: number[]) =>
    ({ type: 'float32', dims, data: Float32Array.from(values) }) as const;

  it('is said of each, but for what the graph takes once', () => {
    const feeds = {
      ...{ timestep: tensor([], 7), words: tensor([1, 2], 1, 2), one: tensor([1, 2], 3, 4) },
      ids: tensor([2, 2], 5, 6, 7, 8),
    };
    const words = tensor([3, 2], 1, 2, 1, 2, 1, 2);
    expect(toEach(graph, feeds, 3)).toEqual({ ...feeds, words });
    expect(toEach(graph, feeds, 1)).toBe(feeds);
  });

  it('keeps its element type', () => {
    const words = { type: 'int64', dims: [1, 1], data: BigInt64Array.of(9n) } as const;
    expect(toEach(graph, { words }, 2).words).toEqual({ type: 'int64', dims: [2, 1], data: BigInt64Array.of(9n, 9n) });
  });
});

describe('a batch', () => {
  it('is refused with the remedy by a graph of another one', () => {
    const fixed = fixedBatch(graphOf({ sample: [1, 4, 'height', 'width'] }), 'sample');
    expect(fixed).toBe(1);
    expect(() => checkBatch({ batch: 2 }, fixed)).toThrow(
      "batch: 2 pictures are not possible, the denoiser's graph was exported for 1 at a time; make them one after another",
    );
    expect(() => checkBatch({}, fixed)).not.toThrow();
    expect(() => checkBatch({ batch: 2 }, 2)).not.toThrow();
    expect(fixedBatch(graphOf({ sample: ['batch', 4] }), 'sample')).toBeNull();
  });

  it.each([0, 33, 1.5, Number.NaN])('of %s is refused', (batch) => {
    expect(() => checkBatch({ batch }, null)).toThrow('expected 1 to 32');
  });
});
