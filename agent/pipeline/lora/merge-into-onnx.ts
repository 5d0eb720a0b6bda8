// An ONNX graph's bytes with changed weights in them, for a runtime that takes them in place of its files.
import { dirname, join } from 'node:path';
import { type OnnxWeights, readOnnx } from '../onnx/read-onnx.ts';
import { readWhole } from '../read-whole.ts';
import type { Change } from './adapter-changes.ts';
import { type MergedGraph, mergeChange } from './merge-change.ts';
import { modulesOf } from './onnx-modules.ts';

const [FLOAT32, FLOAT16] = [1, 10];

/**
 * @param changes by the graph's own names of its modules
 * @returns null where none of them is in this graph
 * @throws RangeError that names the module
 */
export function mergeIntoOnnx(path: string, changes: readonly Change[]): MergedGraph | null {
  const modules = modulesOf(readOnnx(path, { withNodes: true }));
  const used = changes.filter(({ module }) => modules.has(module));
  if (used.length === 0) return null;
  const graph = readWhole(path);
  const external = new Map<string, Buffer>();
  const fileOf = (location: string): Buffer => {
    const known = external.get(location) ?? readWhole(join(dirname(path), location));
    external.set(location, known);
    return known;
  };
  for (const change of used)
    for (const { weight, transposed, phase } of modules.get(change.module) ?? [])
      mergeChange(() => {
        const type = typeOf(weight);
        const bytes = type === null ? new Uint8Array() : bytesOf(weight, graph, fileOf);
        return { bytes, type, dims: weight.dims, transposed, phase };
      }, change);
  return { merged: { graph, external: [...external].map(([path, data]) => ({ path, data })) }, used };
}

function typeOf({ type }: OnnxWeights): 'float32' | 'float16' | null {
  if (type === FLOAT32) return 'float32';
  return type === FLOAT16 ? 'float16' : null;
}

function bytesOf(weight: OnnxWeights, graph: Buffer, fileOf: (location: string) => Buffer): Uint8Array {
  const count = weight.dims.reduce((product, size) => product * size, 1);
  const length = count * (weight.type === FLOAT32 ? 4 : 2);
  const [source, from] = weight.external
    ? [fileOf(weight.external.location), weight.external.offsetBytes]
    : [graph, weight.rawAt];
  if (from === null || from + length > source.length || (!weight.external && weight.rawBytes !== length))
    throw new RangeError('its numbers do not stand in the graph as raw bytes');
  return source.subarray(from, from + length);
}
