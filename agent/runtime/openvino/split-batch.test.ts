import { expect, it } from 'vitest';
import type { Tensor } from '../runtime.ts';
import { joinBatch, splitBatch } from './split-batch.ts';

const tensor = (dims: number[], first = 0): Tensor => ({
  ...{ type: 'float32', dims },
  data: Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, (_, i) => first + i),
});
const free = (): boolean => true;

it('gives each picture its rows, and all what they share', () => {
  const feeds = {
    ...{ sample: tensor([3, 2, 2]), timestep: tensor([3], 7), guidance: tensor([1], 5) },
    ...{ img_ids: tensor([4, 3]), scale: tensor([]) },
  };
  const parts = splitBatch(feeds, free);
  expect(parts).toHaveLength(3);
  expect(parts[1]).toEqual({
    ...feeds,
    sample: { ...tensor([1, 2, 2]), data: Float32Array.of(4, 5, 6, 7) },
    timestep: { ...tensor([1]), data: Float32Array.of(8) },
  });
  expect(joinBatch(parts.map(({ sample }) => ({ out: sample as Tensor })))).toEqual({ out: feeds.sample });
});

it.each([
  ['one picture', { sample: tensor([1, 2]), timestep: tensor([1]) }, free],
  ['rows of two numbers', { sample: tensor([2, 2]), words: tensor([3, 2]) }, free],
  ['a graph of so many pictures', { sample: tensor([2, 2]) }, (): boolean => false],
])('leaves %s together', (_, feeds, isFree) => expect(splitBatch(feeds, isFree)).toEqual([feeds]));
