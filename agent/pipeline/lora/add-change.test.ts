import { expect, it } from 'vitest';
import { addChange } from './add-change.ts';

const change = {
  up: { dims: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
  down: { dims: [2, 2], values: Float32Array.of(1, 0, 0, 10) },
  scale: 0.5,
};

it('adds scale times up times down, to a weight as a module stores it and to a transposed one', () => {
  // up · down = [[1, 20], [3, 40], [5, 60]]
  const weight = { values: Float32Array.of(1, 1, 1, 1, 1, 1), dims: [3, 2], transposed: false };
  addChange(weight, change);
  expect([...weight.values]).toEqual([1.5, 11, 2.5, 21, 3.5, 31]);
  const turned = { values: Float32Array.of(1, 1, 1, 1, 1, 1), dims: [2, 3], transposed: true };
  addChange(turned, change);
  expect([...turned.values]).toEqual([1.5, 2.5, 3.5, 11, 21, 31]);
});

it('refuses matrices of other sizes', () => {
  const weight = { values: new Float32Array(8), dims: [4, 2], transposed: false };
  expect(() => addChange(weight, change)).toThrow('matrices [3,2] and [2,2] do not fit a weight of [4,2]');
});
