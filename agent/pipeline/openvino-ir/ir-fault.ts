// What is wrong with an OpenVINO IR that its runtime would choke on, or refuse with words that nobody can act on: decided from
// what the file says of itself.

import { limits } from '../../../shared/limits.ts';
import { dimensionsText } from '../dimensions-text.ts';
import type { IrConstant, IrFile } from './read-ir.ts';

/** Bits of an element; types that are packed otherwise, and text, are left to OpenVINO. */
export const IR_BITS: Readonly<Record<string, number>> = {
  ...{ f64: 64, i64: 64, u64: 64, f32: 32, i32: 32, u32: 32, f16: 16, bf16: 16, i16: 16, u16: 16 },
  ...{ i8: 8, u8: 8, boolean: 8, f8e4m3: 8, f8e5m2: 8, f8e8m0: 8, i4: 4, u4: 4, nf4: 4, f4e2m1: 4, u1: 1 },
};

/** @param weightsBytes of the .bin file; null where there is none */
export function irFault(file: IrFile, weightsBytes: number | null): string | null {
  const [foreign] = file.foreign;
  if (foreign !== undefined)
    return `uses the operator ${foreign} of a library; libraries of operators are never loaded`;
  for (const { layer, dims } of file.inputs)
    if (!(product(dims) <= limits.tensorElements)) return `input "${layer}" has ${tooMany(dims)}`;
  for (const constant of file.constants) {
    const fault = constantFault(constant, weightsBytes);
    if (fault) return `constant "${constant.layer}" ${fault}`;
  }
  return null;
}

function constantFault({ type, dims, offsetBytes, sizeBytes }: IrConstant, weightsBytes: number | null): string | null {
  const elements = product(dims);
  if (!(elements <= limits.tensorElements) || dims.some((size) => size < 0)) return `has ${tooMany(dims)}`;
  const bits = Object.hasOwn(IR_BITS, type) ? IR_BITS[type] : undefined;
  const needed = bits === undefined ? null : Math.ceil((elements * bits) / 8);
  if (needed !== null && sizeBytes !== needed)
    return `has ${sizeBytes} bytes, and its dimensions ${dimensionsText(dims)} of ${type} need ${needed}`;
  if (sizeBytes === 0) return null;
  if (weightsBytes === null) return 'lies in the .bin file beside the graph, which is missing';
  if (!(offsetBytes >= 0) || !(offsetBytes + sizeBytes <= weightsBytes))
    return `lies at bytes ${offsetBytes} to ${offsetBytes + sizeBytes} of the .bin file, which has ${weightsBytes}`;
  return null;
}

const tooMany = (dims: readonly number[]): string => `the dimensions ${dimensionsText(dims)}, which no device can hold`;
const product = (dims: readonly number[]): number => dims.reduce((all, size) => all * size, 1);
