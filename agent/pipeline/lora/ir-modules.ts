// As onnx-modules, for a graph of OpenVINO, whose layers are named after the nodes that they were made from.
import type { IrConstant, IrFile } from '../openvino-ir/read-ir.ts';
import { moduleKey } from './adapter-changes.ts';
import { type Phase, phaseOf, withWeight } from './phases.ts';

export interface ModuleConstant {
  readonly constant: IrConstant;
  /** As a module has it: of convolutions in groups [groups · outputs, inputs, …]. */
  readonly dims: readonly number[];
  /** Stored [inputs, outputs], where a module has [outputs, inputs]. */
  readonly transposed: boolean;
  /** Null where it is the whole of its module's. */
  readonly phase: Phase | null;
}

/** What a converter puts behind the module's path: of ONNX nodes, and of what PyTorch traced. */
const OPERATOR = /\/(?:aten::\w+\/\w+|(?:Conv(?:\.[01][01])?|Gemm|MatMul)(?:\/WithoutBiases)?)(?:_\d+)?$/;

/** Module, its path joined by `_` → its weight, or four of its phases. What several modules share belongs to none. */
export function irModulesOf({ layers, edges }: IrFile): ReadonlyMap<string, readonly ModuleConstant[]> {
  const byId = new Map(layers.map((layer) => [layer.id, layer]));
  const sources = new Map(edges.map(({ from, to, toPort }) => [`${to}:${toPort}`, byId.get(from)]));
  const constantOf = (id: string, port: number): IrConstant | null => {
    const source = sources.get(`${id}:${port}`);
    // Weights in half precision are converted before they are used.
    const stored = source?.type === 'Convert' ? sources.get(`${source.id}:0`) : source;
    return stored?.constant ?? null;
  };
  const owners = new Map<IrConstant, number>();
  const found = new Map<string, readonly ModuleConstant[]>();
  for (const { id, name, type, transposesSecond } of layers) {
    if (type !== 'MatMul' && type !== 'Convolution' && type !== 'GroupConvolution') continue;
    const constant = constantOf(id, 1);
    if (!constant || !OPERATOR.test(name)) continue;
    const module = moduleKey(name.replace(OPERATOR, '').replace(/^__module\./, ''));
    const [groups = 1, outputs = 1, ...rest] = constant.dims;
    const dims = type === 'GroupConvolution' ? [groups * outputs, ...rest] : constant.dims;
    const transposed = type === 'MatMul' && !transposesSecond;
    found.set(module, withWeight(found.get(module), { constant, dims, transposed, phase: phaseOf(name) }));
    owners.set(constant, (owners.get(constant) ?? 0) + 1);
  }
  return new Map([...found].filter(([, own]) => own.every(({ constant }) => owners.get(constant) === 1)));
}
