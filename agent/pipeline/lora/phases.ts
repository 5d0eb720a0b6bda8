// Where upsampling was folded into the convolution after it, four 2x2 kernels stand in the place of one 3x3 kernel, one for each
// of the four pixels that come of one (models/stillhouse_models/diffusers_export/fold_upsampling.py).
import type { Weights } from './read-safetensors.ts';

/** Row and column of a pixel among the four. */
export type Phase = readonly [row: number, column: number];

const PHASE = /\/Conv\.([01])([01])(?:\/WithoutBiases)?$/;

/** @param node its name in the graph; null where it is a whole convolution */
export function phaseOf(node: string): Phase | null {
  const [, row, column] = PHASE.exec(node) ?? [];
  return row && column ? [Number(row), Number(column)] : null;
}

/** The weights of a module with one more: its phases stand together, a whole weight alone. */
export function withWeight<W extends { readonly phase: Phase | null }>(
  others: readonly W[] = [],
  weight: W,
): readonly W[] {
  return weight.phase ? [...others, weight] : [weight];
}

/**
 * What that phase's kernel is of a 3x3 kernel: the weights that fall on one pixel, added.
 *
 * @param kernel [outputs, inputs, 3, 3]
 * @returns [outputs, inputs, 2, 2]
 * @throws RangeError where it is none of 3x3
 */
export function ofPhase({ dims, values }: Weights, [row, column]: Phase): Weights {
  const [outputs = 0, inputs = 0, height, width] = dims;
  if (dims.length !== 4 || height !== 3 || width !== 3) throw new RangeError(`[${dims}] is no 3x3 convolution`);
  const folded = new Float32Array(outputs * inputs * 4);
  for (let kernel = 0; kernel < outputs * inputs; kernel++)
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 3; x++) {
        const at = kernel * 4 + pixelOf(y, row) * 2 + pixelOf(x, column);
        folded[at] = (folded[at] as number) + (values[kernel * 9 + y * 3 + x] as number);
      }
  return { dims: [outputs, inputs, 2, 2], values: folded };
}

/** Which of two pixels the weight of that place falls on: the first phase begins a pixel earlier. */
const pixelOf = (place: number, phase: number): number => Math.floor((place + 1 - phase) / 2);
