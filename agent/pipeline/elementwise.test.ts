import fc from 'fast-check';
import { expect, it } from 'vitest';
import { elementwise } from './elementwise.ts';

const { fround } = Math;
const floats = fc.float({ noNaN: true });

it('rounds each operation to float32, whatever the length', () => {
  const lengths = fc.constantFrom(1, 3, 16, 2047, 2048, 2049, 5000);
  fc.assert(
    fc.property(lengths, floats, floats, fc.infiniteStream(floats), (length, by, divisor, stream) => {
      const values = Float32Array.from({ length: 2 * length }, () => stream.next().value);
      const [a, b] = [values.subarray(0, length), values.subarray(length)];
      const found = elementwise([a, b], ([x, y], { plus, minus, times, over, within }) =>
        plus(x, times(over(minus(within(x, 2), y), divisor), by)),
      );
      const wanted = a.map((x, i) => {
        const difference = fround(Math.min(2, Math.max(-2, x)) - (b[i] as number));
        return x + fround(fround(difference / divisor) * by);
      });
      expect(found).toEqual(wanted);
    }),
    { numRuns: 50 },
  );
});

it('rounds scalars, too', () => {
  const [third] = elementwise([Float32Array.of(3)], ([x], { times }) => times(x, 1 / 3));
  expect(third).toBe(fround(3 * fround(1 / 3)));
});

it('leaves its arrays as they are, and begins anew each time', () => {
  const array = Float32Array.of(1, 2, 3);
  const first = elementwise([array], ([x], { plus }) => plus(x, x));
  expect([[...first], [...array]]).toEqual([
    [2, 4, 6],
    [1, 2, 3],
  ]);
  expect([...elementwise([array], ([x]) => x)]).toEqual([1, 2, 3]);
});

it('refuses arrays of different lengths, and an expression that is too long', () => {
  const [one, two] = [new Float32Array(1), new Float32Array(2)];
  expect(() => elementwise([one, two], ([x, y], { plus }) => plus(x, y))).toThrow('1, 2 values do not go together');
  const long = () =>
    elementwise([one], ([x], { plus }) => {
      let sum = x;
      for (let i = 0; i < 40; i++) sum = plus(sum, x);
      return sum;
    });
  expect(long).toThrow('more than 32');
});
