// What is wrong with an ONNX file that a runtime would follow or choke on: decided from what the file says of itself.

import { limits } from '../../../shared/limits.ts';
import { dimensionsText } from '../dimensions-text.ts';
import { CONTRIB_OPERATORS } from './contrib-operators.ts';
import type { OnnxFile, OnnxWeights } from './read-onnx.ts';

/** ONNX's own, and those that ONNX Runtime's optimizer writes. */
const KNOWN_DOMAINS = ['', 'ai.onnx.ml', 'com.microsoft.nchwc', 'com.ms.internal.nhwc'];
const CONTRIB = 'com.microsoft';
/** Bits of an element by TensorProto.DataType; text (8) has none that could be reckoned with. */
const BITS: Readonly<Record<number, number>> = {
  ...{ 1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16 },
  ...{ 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4 },
};
const PLAIN_NAME = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9_][A-Za-z0-9._+-]*(\/[A-Za-z0-9_][A-Za-z0-9._+-]*)*$/;

/** @param sizeOf bytes of a file beside the graph, null where there is none */
export function onnxFault(file: OnnxFile, sizeOf: (location: string) => number | null): string | null {
  if (!file.hasGraph) return 'holds no graph; it is empty, cut short, or no ONNX file';
  for (const operator of file.operators) {
    const domain = operator.slice(0, operator.lastIndexOf(':'));
    const name = operator.slice(domain.length + 1);
    if (KNOWN_DOMAINS.includes(domain) || file.functionDomains.includes(domain)) continue;
    if (domain !== CONTRIB) return `uses the operator ${name} of "${domain}"; libraries of operators are never loaded`;
    if (!CONTRIB_OPERATORS.has(name))
      return `uses the operator ${name} of "${domain}", which ONNX Runtime does not have for a CPU; export the graph for one`;
  }
  for (const weights of file.weights) {
    const fault = weightsFault(weights, sizeOf);
    if (fault) return `weights "${weights.name}" ${fault}`;
  }
  return null;
}

function weightsFault(weights: OnnxWeights, sizeOf: (location: string) => number | null): string | null {
  const { dims, external, rawBytes } = weights;
  const elements = elementsOf(weights);
  if (!(elements <= limits.tensorElements))
    return `have the dimensions ${dimensionsText(dims)}, which no device can hold`;
  const bytes = bytesOf(weights);
  if (external) return externalFault(external, bytes, sizeOf);
  if (rawBytes > 0 && bytes !== null && rawBytes !== bytes)
    return `have ${rawBytes} bytes, and their dimensions ${dimensionsText(dims)} need ${bytes}`;
  return null;
}

function externalFault(
  { location, offsetBytes, lengthBytes }: NonNullable<OnnxWeights['external']>,
  needed: number | null,
  sizeOf: (location: string) => number | null,
): string | null {
  if (!PLAIN_NAME.test(location)) return `lie in "${location}", and only a file beside the graph is read`;
  const there = sizeOf(location);
  if (there === null) return `lie in "${location}", which is missing`;
  const length = lengthBytes ?? needed ?? 0;
  if (needed !== null && length !== needed) return `say ${length} bytes in "${location}", and need ${needed}`;
  if (!(offsetBytes >= 0) || !(length >= 0) || offsetBytes + length > there)
    return `lie at bytes ${offsetBytes} to ${offsetBytes + length} of "${location}", which has ${there}`;
  return null;
}

export const elementsOf = ({ dims }: OnnxWeights): number => dims.reduce((product, size) => product * size, 1);

/** Null for text and for types that are not known here. */
export function bytesOf(weights: OnnxWeights): number | null {
  const bits = BITS[weights.type];
  return bits === undefined ? null : Math.ceil((elementsOf(weights) * bits) / 8);
}
