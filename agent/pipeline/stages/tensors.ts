// Tensors of float32 put together the ways that text conditions are.
import type { Tensor } from '../../runtime/runtime.ts';

export type Float32Tensor = Tensor & { readonly data: Float32Array };

export const float32 = (data: Float32Array, dims: readonly number[]): Float32Tensor => ({
  type: 'float32',
  dims,
  data,
});

/** Rows side by side: [1, L, A] and [1, L, B] become [1, L, width], what is missing filled with nothing. */
export function besideEachOther(tensors: readonly Float32Tensor[], width?: number): Float32Tensor {
  const rows = tensors[0]?.dims.at(-2) as number;
  const widths = tensors.map(({ dims }) => dims.at(-1) as number);
  const wide = width ?? widths.reduce((sum, one) => sum + one, 0);
  const data = new Float32Array(rows * wide);
  let at = 0;
  tensors.forEach((tensor, t) => {
    const own = widths[t] as number;
    for (let row = 0; row < rows; row++) data.set(tensor.data.subarray(row * own, (row + 1) * own), row * wide + at);
    at += own;
  });
  return float32(data, [1, rows, wide]);
}

/** One after the other: [1, L, W] and [1, M, W] become [1, L + M, W]; vectors [1, A] and [1, B] become [1, A + B]. */
export function afterEachOther(tensors: readonly Float32Tensor[]): Float32Tensor {
  const first = tensors[0] as Float32Tensor;
  const along = first.dims.length === 3 ? 1 : first.dims.length - 1;
  const length = tensors.reduce((sum, { dims }) => sum + (dims[along] as number), 0);
  return float32(
    joined(tensors.map(({ data }) => data)),
    first.dims.map((size, axis) => (axis === along ? length : size)),
  );
}

/** Values one after the other. */
export function joined(parts: readonly ArrayLike<number>[]): Float32Array {
  const values = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}

/** Equal parts of what was joined, one for each picture of a batch. */
export function pieces(values: Float32Array, count: number): Float32Array[] {
  const size = values.length / count;
  return Array.from({ length: count }, (_, i) => values.subarray(i * size, (i + 1) * size));
}

export const zerosLike = ({ data, dims }: Float32Tensor): Float32Tensor => float32(new Float32Array(data.length), dims);
