// A graph's bytes with changed weights in them, for a runtime that takes them in place of its files.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MergedWeights } from '../../runtime/runtime.ts';
import type { OnnxWeights } from '../onnx/read-onnx.ts';
import { readOnnx } from '../onnx/read-onnx.ts';
import type { Change } from './adapter-changes.ts';
import { addChange } from './add-change.ts';
import { modulesOf } from './graph-modules.ts';

const [FLOAT32, FLOAT16] = [1, 10];

/**
 * @param changes by the graph's own names of its modules
 * @returns null where none of them is in this graph; else what to load, and which were merged
 * @throws RangeError that names the module
 */
export function mergeIntoGraph(
  path: string,
  changes: readonly Change[],
): { readonly merged: MergedWeights; readonly used: readonly Change[] } | null {
  const modules = modulesOf(readOnnx(path, { withNodes: true }));
  const used = changes.filter(({ module }) => modules.has(module));
  if (used.length === 0) return null;
  const graph = readFileSync(path);
  const external = new Map<string, Buffer>();
  const fileOf = (location: string): Buffer => {
    const known = external.get(location) ?? readFileSync(join(dirname(path), location));
    external.set(location, known);
    return known;
  };
  for (const change of used) {
    const { weight, transposed } = modules.get(change.module) as NonNullable<ReturnType<typeof modules.get>>;
    try {
      const bytes = bytesOf(weight, graph, fileOf);
      const values = numbersOf(weight, bytes);
      addChange({ values, dims: weight.dims, transposed }, change);
      bytes.set(storedAs(weight.type, values));
    } catch (cause) {
      throw new RangeError(`${change.module}: ${(cause as Error).message}`, { cause });
    }
  }
  return { merged: { graph, external: [...external].map(([path, data]) => ({ path, data })) }, used };
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

function numbersOf({ type }: OnnxWeights, bytes: Uint8Array): Float32Array {
  // A copy, because weights need not lie at multiples of their width.
  const { buffer } = new Uint8Array(bytes);
  if (type === FLOAT32) return new Float32Array(buffer);
  if (type === FLOAT16) return Float32Array.from(new Float16Array(buffer));
  throw new RangeError('its weight is stored in a form that nothing can be added to; export with fp32 or fp16');
}

function storedAs(type: number, values: Float32Array): Uint8Array {
  return new Uint8Array(type === FLOAT32 ? values.buffer : Float16Array.from(values).buffer);
}
