// One graph of a pipeline: loading, feeding and running it with faults that name the file, so that a damaged artifact
// can be found.
import { messageOf } from '../../shared/errors.ts';
import type { ElementType, Runtime, Session, SessionOptions, Tensor } from '../runtime/runtime.ts';
import { EngineFault } from './fault.ts';
import { filesOfGraph } from './graph-parts.ts';
import { checkOnnx } from './onnx/check-onnx.ts';

export interface Graph {
  readonly path: string;
  readonly session: Session;
  /** Every input must be fed. @throws EngineFault `run_failed` */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Outputs>;
}

export interface Outputs {
  /** The output of that name, which must be float32. @throws EngineFault `run_failed` */
  float32(name: string): Tensor & { readonly data: Float32Array };
}

/**
 * @param expected the inputs and outputs that the pipeline will use
 * @throws EngineFault `load_failed` that names the file and, for a wrong interface, what is missing
 */
export async function loadGraph(
  runtime: Runtime,
  path: string,
  options: Pick<SessionOptions, 'threads' | 'real' | 'keepFreed'> & {
    readonly inputs: readonly string[];
    /** Further ones that will be fed where the graph has them. */
    readonly optional?: readonly string[];
    readonly outputs: readonly string[];
  },
): Promise<Graph> {
  const session = await open(runtime, path, options);
  requireNames(path, 'input', options.inputs, session.inputs);
  requireNames(path, 'output', options.outputs, session.outputs);
  const fed = [...options.inputs, ...(options.optional ?? [])];
  const surplus = session.inputs.find(({ name }) => !fed.includes(name));
  if (surplus) throw new EngineFault('load_failed', `${path}: has an input "${surplus.name}" that nothing here feeds`);
  return {
    path,
    session,
    async run(feeds) {
      const outputs = await runSession(session, path, halved(session, feeds));
      return { float32: (name) => float32Output(path, name, outputs[name]) };
    },
  };
}

async function open(
  runtime: Runtime,
  path: string,
  { threads, real, keepFreed }: Pick<SessionOptions, 'threads' | 'real' | 'keepFreed'>,
): Promise<Session> {
  if (path.endsWith('.onnx')) for (const file of await filesOfGraph(path)) checkOnnx(file);
  else {
    // With its reader of XML, which an engine of the other runtime need not hold.
    const { checkIr } = await import('./openvino-ir/check-ir.ts');
    checkIr(path);
  }
  try {
    return await runtime.load(path, { threads, ...(real && { real }), ...(keepFreed && { keepFreed }) });
  } catch (cause) {
    throw new EngineFault('load_failed', `${path}: ${messageOf(cause)}`, { cause });
  }
}

async function runSession(session: Session, path: string, feeds: Readonly<Record<string, Tensor>>) {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw new EngineFault('run_failed', `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Exports in half precision take and give float16 where the arithmetic here is float32. */
function halved(session: Session, feeds: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> {
  const halves = session.inputs.filter(({ name, type }) => type === 'float16' && feeds[name]?.type === 'float32');
  if (halves.length === 0) return feeds;
  const given = { ...feeds };
  for (const { name } of halves) {
    const { dims, data } = feeds[name] as Tensor;
    const half = Float16Array.from(data as Float32Array);
    given[name] = { type: 'float16', dims, data: new Uint16Array(half.buffer) };
  }
  return given;
}

/** Some runtimes give bits, some numbers. */
function widened({ type, dims, data }: Tensor): Tensor {
  if (type !== 'float16') return { type, dims, data };
  const half = data instanceof Uint16Array ? new Float16Array(data.buffer, data.byteOffset, data.length) : data;
  return { type: 'float32', dims, data: Float32Array.from(half as unknown as ArrayLike<number>) };
}

function float32Output(path: string, name: string, given: Tensor | undefined) {
  const output = given && widened(given);
  if (!(output?.data instanceof Float32Array))
    throw new EngineFault('run_failed', `${path}: output "${name}" is ${output?.type ?? 'missing'}, expected float32`);
  return { type: output.type, dims: output.dims, data: output.data };
}

function requireNames(
  path: string,
  what: 'input' | 'output',
  wanted: readonly string[],
  declared: readonly { readonly name: string }[],
): void {
  const names = declared.map(({ name }) => name);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw new EngineFault('load_failed', `${path}: has no ${what} "${missing}", only ${names.join(', ') || 'none'}`);
}

/**
 * @param dims what the pipeline will feed or read; null where any size will do
 * @throws EngineFault `load_failed` when the graph declares another element type, rank or size
 */
export function requireTensor(
  { path, session }: Graph,
  name: string,
  wanted: { readonly type: ElementType; readonly dims: readonly (number | null)[] },
): void {
  const declared = [...session.inputs, ...session.outputs].find((tensor) => tensor.name === name);
  const fits =
    declared?.type === wanted.type &&
    declared.dims.length === wanted.dims.length &&
    wanted.dims.every((size, i) => size === null || typeof declared.dims[i] === 'string' || declared.dims[i] === size);
  if (fits) return;
  const print = (type = 'missing', dims: readonly (number | string | null)[] = []) =>
    `${type} [${dims.map((size) => size ?? 'any').join(', ')}]`;
  throw new EngineFault(
    'load_failed',
    `${path}: "${name}" is ${print(declared?.type, declared?.dims)}, expected ${print(wanted.type, wanted.dims)}`,
  );
}

/**
 * As `requireTensor`, of any element type, for graphs of many exporters.
 *
 * @throws EngineFault `load_failed` when the graph declares another rank or size
 */
export function requireDims({ path, session }: Graph, name: string, wanted: readonly (number | null)[]): void {
  const declared = [...session.inputs, ...session.outputs].find((tensor) => tensor.name === name)?.dims ?? [];
  const fits = wanted.every((size, i) => size === null || typeof declared[i] !== 'number' || declared[i] === size);
  if (declared.length === wanted.length && fits) return;
  const print = (dims: readonly unknown[]) => `[${dims.map((size) => size ?? 'any').join(', ')}]`;
  throw new EngineFault('load_failed', `${path}: "${name}" is ${print(declared)}, expected ${print(wanted)}`);
}

export const takesWholeOnly = ({ session }: Graph, name: string): boolean =>
  /^int/.test(session.inputs.find((input) => input.name === name)?.type ?? '');

/** Values in the element type that the graph declares for its input: exports differ in it (int64 or float timesteps). */
export function tensorFor(graph: Graph, name: string, values: readonly number[], dims: readonly number[]): Tensor {
  const type = graph.session.inputs.find((input) => input.name === name)?.type as ElementType | undefined;
  switch (type) {
    case 'float32':
    case 'float16':
      return { type: 'float32', dims, data: Float32Array.from(values) };
    case 'float64':
      return { type, dims, data: Float64Array.from(values) };
    case 'int32':
      return { type, dims, data: Int32Array.from(values) };
    case 'int64':
      return { type, dims, data: BigInt64Array.from(values, (value) => BigInt(Math.round(value))) };
    default:
      throw new EngineFault('load_failed', `${graph.path}: input "${name}" is ${type}, which is not supported`);
  }
}
