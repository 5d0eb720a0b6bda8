import type { Change } from './adapter-changes.ts';

/**
 * In place: W + scale · up · down, summed in double precision and rounded once.
 *
 * @param weight float32, [outputs, inputs, …] or, transposed, [inputs, outputs]
 * @throws RangeError when the sizes do not fit
 */
export function addChange(
  weight: { readonly values: Float32Array; readonly dims: readonly number[]; readonly transposed: boolean },
  { down, up, scale }: Pick<Change, 'down' | 'up' | 'scale'>,
): void {
  const { values, dims, transposed } = weight;
  const [outputs, rank] = [up.dims[0] as number, down.dims[0] as number];
  const inputs = down.values.length / rank;
  const fits =
    up.values.length === outputs * rank &&
    values.length === outputs * inputs &&
    dims[transposed ? dims.length - 1 : 0] === outputs;
  if (!fits) throw new RangeError(`matrices [${up.dims}] and [${down.dims}] do not fit a weight of [${dims}]`);
  const sums = new Float64Array(inputs);
  for (let row = 0; row < outputs; row++) {
    sums.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = up.values[row * rank + k] as number;
      for (let i = 0; i < inputs; i++) sums[i] = (sums[i] as number) + factor * (down.values[k * inputs + i] as number);
    }
    const [start, stride] = transposed ? [row, outputs] : [row * inputs, 1];
    for (let i = 0, at = start; i < inputs; i++, at += stride)
      values[at] = (values[at] as number) + scale * (sums[i] as number);
  }
}
