// Element types: OpenVINO's numbers (ov_element_type_e), ONNX's names, and the typed array that holds each.
import type { ElementType, TensorData } from '../runtime.ts';

interface Holder {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): TensorData;
}

const TYPES: readonly (readonly [number: number, name: ElementType, holder: Holder])[] = [
  [1, 'bool', Uint8Array],
  [3, 'float16', Uint16Array],
  [4, 'float32', Float32Array],
  [5, 'float64', Float64Array],
  [7, 'int8', Int8Array],
  [9, 'int32', Int32Array],
  [10, 'int64', BigInt64Array],
  [16, 'uint8', Uint8Array],
];

/** @returns "openvino type N" for one that has no name here: no pipeline feeds it, and the message says which it is */
export const typeName = (number: number): string =>
  TYPES.find(([known]) => known === number)?.[1] ?? `openvino type ${number}`;

/** Typed access to a tensor's memory. @throws Error for a type that is not supported */
export function holderOf(number: number): Holder {
  const found = TYPES.find(([known]) => known === number);
  if (!found) throw new Error(`OpenVINO's element type ${number} is not supported here`);
  return found[2];
}
