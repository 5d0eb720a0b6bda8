// As merge-into-onnx, for a graph of OpenVINO and the file of its weights.
import { readFileSync } from 'node:fs';
import { type IrConstant, readIr } from '../openvino-ir/read-ir.ts';
import { readWhole } from '../read-whole.ts';
import type { Change } from './adapter-changes.ts';
import { irModulesOf } from './ir-modules.ts';
import { type MergedGraph, mergeChange } from './merge-change.ts';

/**
 * @param path of the .xml file; the weights lie beside it
 * @param changes by the graph's own names of its modules
 * @returns null where none of them is in this graph
 * @throws RangeError that names the module
 */
export function mergeIntoIr(path: string, changes: readonly Change[]): MergedGraph | null {
  const graph = readFileSync(path);
  const modules = irModulesOf(readIr(graph, { withLayers: true }));
  const used = changes.filter(({ module }) => modules.has(module));
  if (used.length === 0) return null;
  const weightsPath = path.replace(/\.xml$/, '.bin');
  const data = readWhole(weightsPath);
  for (const change of used)
    for (const { constant, dims, transposed, phase } of modules.get(change.module) ?? [])
      mergeChange(() => {
        const { offsetBytes, sizeBytes } = constant;
        const bytes = data.subarray(offsetBytes, offsetBytes + sizeBytes);
        return { bytes, type: typeOf(constant), dims, transposed, phase };
      }, change);
  return { merged: { graph, external: [{ path: weightsPath, data }] }, used };
}

function typeOf({ type }: IrConstant): 'float32' | 'float16' | null {
  if (type === 'f32') return 'float32';
  return type === 'f16' ? 'float16' : null;
}
