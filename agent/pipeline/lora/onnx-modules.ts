// Which weight of a graph belongs to which module of the network: exporters name a node after the module that it came from.
import type { OnnxFile, OnnxWeights } from '../onnx/read-onnx.ts';
import { moduleKey } from './adapter-changes.ts';
import { type Phase, phaseOf, withWeight } from './phases.ts';

export interface ModuleWeight {
  readonly weight: OnnxWeights;
  /** Stored [inputs, outputs], where a module has [outputs, inputs]. */
  readonly transposed: boolean;
  /** Null where it is the whole of its module's. */
  readonly phase: Phase | null;
}

/** Module, its path joined by `_` → its weight, or four of its phases. What several modules share belongs to none. */
export function modulesOf({ weights, nodes }: OnnxFile): ReadonlyMap<string, readonly ModuleWeight[]> {
  const stored = new Map(weights.map((weight) => [weight.name, weight]));
  // Weights in half precision are cast before they are used.
  for (const { operator, inputs, outputs } of nodes) {
    const source = operator === 'Cast' ? stored.get(inputs[0] ?? '') : undefined;
    if (source && outputs[0]) stored.set(outputs[0], source);
  }
  const owners = new Map<string, Set<string>>();
  const found = new Map<string, readonly ModuleWeight[]>();
  for (const { name, operator, inputs } of nodes) {
    if (operator !== 'MatMul' && operator !== 'Gemm' && operator !== 'Conv') continue;
    const weight = stored.get(inputs[1] ?? '');
    const path = name.slice(0, name.lastIndexOf('/'));
    if (!weight || !path) continue;
    const module = moduleKey(path);
    const own = { weight, transposed: operator === 'MatMul', phase: phaseOf(name) };
    found.set(module, withWeight(found.get(module), own));
    owners.set(weight.name, (owners.get(weight.name) ?? new Set()).add(module));
  }
  const isOwn = ({ weight }: ModuleWeight) => owners.get(weight.name)?.size === 1;
  return new Map([...found].filter(([, own]) => own.every(isOwn)));
}
