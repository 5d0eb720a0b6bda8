// OpenVINO on the CPU, by its C API. Inference runs off the event loop and can be broken off in the middle.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Runtime, Session, SessionOptions, Tensor, TensorInfo } from '../runtime.ts';
import { CompiledForms } from './compiled-forms.ts';
import { type CompiledGraph, createCompiledGraph, type Port } from './compiled-graph.ts';
import { holderOf, typeName } from './element-types.ts';
import { FormCache } from './form-cache.ts';
import { type Library, openLibrary, type Pointer } from './library.ts';
import { preferredName } from './port-names.ts';
import { withRealInputs } from './real-inputs.ts';
import { joinBatch, splitBatch } from './split-batch.ts';

/** @param folder the libraries of package.ts stand in it @throws Error when they cannot be loaded */
export function openVino(folder: string): Runtime {
  const library = openLibrary(folder);
  const core = library.createCore();
  const sessions = new Set<OpenSession>();
  const caches = new Map<string, FormCache>();
  const count = { anew: 0, fromCache: 0 };
  let preparing = false;
  return {
    name: 'openvino',
    version: library.version(),
    graphFile: 'openvino_model.xml',
    build: async () => `OpenVINO ${library.version()}`,
    async load(path, options) {
      // What is kept is known by its files, which merged weights are not in.
      const cache = options.merged ? null : cacheIn(caches, options.compiledFolder ?? null);
      const session = new OpenSession(library, { core, path, options, cache, count });
      await session.compileFixed();
      sessions.add(session);
      return {
        inputs: session.inputs.map(describe),
        outputs: session.outputs.map(describe),
        run: async (feeds) => (preparing ? session.prepare(feeds) : session.run(feeds)),
        async close() {
          sessions.delete(session);
          await session.close();
        },
        kernels: () => session.kernels(),
      } satisfies Session;
    },
    begin(keepSizes) {
      for (const session of sessions) session.forms.begin(keepSizes);
    },
    makeWay() {
      for (const session of sessions) session.forms.makeWay();
    },
    interrupt() {
      for (const session of sessions) session.forms.cancel();
    },
    compiled: () => ({ ...count }),
    async prepare(work) {
      preparing = true;
      await work().finally(() => {
        preparing = false;
      });
    },
  };
}

function cacheIn(known: Map<string, FormCache>, folder: string | null): FormCache | null {
  if (folder === null) return null;
  const cache = known.get(folder) ?? new FormCache(folder, (line) => void process.stderr.write(`${line}\n`));
  known.set(folder, cache);
  return cache;
}

interface SessionParts {
  readonly core: Pointer;
  readonly path: string;
  readonly options: SessionOptions;
  readonly cache: FormCache | null;
  /** Shared by the sessions of a runtime. */
  readonly count: { anew: number; fromCache: number };
}

class OpenSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  private readonly library: Library;
  private readonly model: Pointer;
  private readonly from: SessionParts;
  readonly forms = new CompiledForms((sizes, streams) => this.obtain(sizes, streams));
  private lastSizes: number[][] | null = null;

  constructor(library: Library, from: SessionParts) {
    this.library = library;
    this.from = from;
    this.model = readModel(library, from);
    this.inputs = portsOf(library, library.inputCount(this.model), (i) => library.inputPort(this.model, i), from.path);
    this.outputs = portsOf(
      library,
      library.outputCount(this.model),
      (i) => library.outputPort(this.model, i),
      from.path,
    );
  }

  /** One whose sizes are fixed is compiled when it is loaded; the others when the sizes are known, because that runs faster. */
  async compileFixed(): Promise<void> {
    const sizes = this.inputs.map(({ dims }) => [...dims]);
    if (sizes.every((dims) => !dims.includes(-1))) await this.forms.get(sizes);
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { graph, parts, streams } = await this.ready(feeds);
    if (parts.length === 1) return graph.run(feeds);
    const results: Record<string, Tensor>[] = [];
    let next = 0;
    const computeNext = async () => {
      while (next < parts.length) {
        const part = next++;
        results[part] = await graph.run(parts[part] as typeof feeds).catch((cause) => {
          next = parts.length;
          throw cause;
        });
      }
    };
    // None may still run where another failed: whoever is told of it may close the graph.
    const ends = await Promise.allSettled(Array.from({ length: streams }, computeNext));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return joinBatch(results);
  }

  /** Compiles for the sizes that are fed. @returns zeros of the outputs' sizes */
  async prepare(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const { graph, parts } = await this.ready(feeds);
    const shapes = graph.outputDims();
    const one = () =>
      Object.fromEntries(this.outputs.map((port, i) => [port.name, zeros(port, shapes[i] as number[])]));
    return parts.length === 1 ? one() : joinBatch(parts.map(one));
  }

  /** What computes the feeds: whole, or as the pictures of a batch in as many streams as there are. */
  private async ready(feeds: Readonly<Record<string, Tensor>>) {
    for (const port of this.inputs) checkedDims(this.from.path, port, feeds[port.name]);
    const { streams: most = 1 } = this.from.options;
    const isFree = (name: string) => this.inputs.find((port) => port.name === name)?.dims[0] === -1;
    const parts = most > 1 ? splitBatch(feeds, isFree) : [feeds];
    const streams = Math.min(most, parts.length);
    const sizes = this.inputs.map(({ name }) => [...(parts[0]?.[name]?.dims ?? [])]);
    this.lastSizes = sizes;
    return { graph: await this.forms.get(sizes, streams), parts, streams };
  }

  /** Runs once more with counters on, over zeros of the sizes seen last, and says which kernels the time went to. */
  async kernels() {
    const sizes = this.lastSizes;
    if (!sizes) return [];
    const graph = await this.forms.inLine(() => this.compile(sizes, 1, { PERF_COUNT: 'YES' }));
    try {
      await graph.run(Object.fromEntries(this.inputs.map((port, i) => [port.name, zeros(port, sizes[i] as number[])])));
      return graph
        .profile()
        .filter(({ status }) => status === 2)
        .map(({ execType, nodeType, realUs }) => ({ kernel: execType, operator: nodeType, ms: realUs / 1000 }));
    } finally {
      graph.close();
    }
  }

  close(): Promise<void> {
    return this.forms.close(() => this.library.freeModel(this.model));
  }

  /** Compiled, or taken from the disk, which gives the same form in less than half the time. */
  private async obtain(sizes: number[][], streams: number): Promise<CompiledGraph> {
    const { path, options, cache, count } = this.from;
    const weightsPath = path.replace(/\.xml$/, '.bin');
    const cached = cache?.open({
      ...{ graphPath: path, weightsPath: existsSync(weightsPath) ? weightsPath : null, sizes },
      ...{ properties: propertiesOf(options, streams), runtimeVersion: this.library.version() },
    });
    try {
      const graph = await this.compile(sizes, streams, cached?.properties ?? {});
      count[graph.isFromCache ? 'fromCache' : 'anew']++;
      cached?.done(graph.isFromCache ? 'loaded' : 'compiled');
      return graph;
    } catch (fault) {
      cached?.done('failed');
      throw fault;
    }
  }

  private async compile(
    sizes: number[][],
    streams: number,
    more: Readonly<Record<string, string>>,
  ): Promise<CompiledGraph> {
    const { library, inputs, outputs, model } = this;
    const { core, options } = this.from;
    if (inputs.some(({ dims }) => dims.includes(-1))) library.reshape(model, sizes);
    const compiled = await library.compile(core, model, { ...propertiesOf(options, streams), ...more });
    return createCompiledGraph(library, compiled, { inputs, outputs, sizes, requests: streams });
  }
}

/** With inputs that take fractions where they are wanted and can be had: a graph that computes with whole ones stays as it is. */
function readModel(library: Library, { core, path, options }: SessionParts): Pointer {
  const { merged, real } = options;
  if (merged) {
    const xml = Buffer.from(merged.graph).toString('utf8');
    const weights = merged.external[0]?.data ?? new Uint8Array();
    return library.readModelFrom(core, Buffer.from((real && withRealInputs(xml, real)) ?? xml), weights);
  }
  const changed = real ? withRealInputs(readFileSync(path, 'utf8'), real) : null;
  if (changed === null) return library.readModel(core, path, null);
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-ir-'));
  try {
    const file = join(folder, basename(path));
    writeFileSync(file, changed);
    return library.readModel(core, file, path.replace(/\.xml$/, '.bin'));
  } catch {
    return library.readModel(core, path, null);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The precision is always named: by itself OpenVINO takes bf16 on some processors, f16 on others and f32 on the rest. Beside
 * weights of 8 bits it would also round what they are multiplied with, in groups of 32, where a processor has instructions
 * for it; f32 does not forbid that, a group of 0 does.
 */
function propertiesOf({ threads, precision = 'f32' }: SessionOptions, streams: number) {
  return {
    INFERENCE_PRECISION_HINT: precision,
    DYNAMIC_QUANTIZATION_GROUP_SIZE: '0',
    INFERENCE_NUM_THREADS: `${threads}`,
    NUM_STREAMS: `${streams}`,
    PERFORMANCE_HINT: streams === 1 ? 'LATENCY' : 'THROUGHPUT',
  };
}

function portsOf(library: Library, count: number, portAt: (index: number) => Pointer, path: string): Port[] {
  let xml: string | null = null;
  const readXml = () => {
    xml ??= readFileSync(path, 'utf8');
    return xml;
  };
  return Array.from({ length: count }, (_, i) => {
    const port = portAt(i);
    try {
      const name = preferredName(library.portName(port), readXml);
      const dims = library.portDims(port);
      if (!dims) throw new Error(`"${name}" has no fixed number of dimensions, which is not supported`);
      return { name, type: library.portType(port), dims };
    } finally {
      library.freePort(port);
    }
  });
}

const describe = ({ name, type, dims }: Port): TensorInfo => ({
  name,
  type: typeName(type),
  dims: dims.map((size, i) => (size === -1 ? `dim${i}` : size)),
});

/** OpenVINO runs with whatever its memory holds when an input is missing, so it is checked here. */
function checkedDims(path: string, { name, type, dims }: Port, fed: Tensor | undefined): number[] {
  if (!fed) throw new Error(`${path}: the input "${name}" is not fed`);
  const fits =
    fed.type === typeName(type) &&
    fed.dims.length === dims.length &&
    dims.every((size, i) => size === -1 || size === fed.dims[i]) &&
    fed.data.length === fed.dims.reduce((product, size) => product * size, 1);
  if (fits) return [...fed.dims];
  throw new Error(
    `${path}: the input "${name}" is ${typeName(type)} [${dims.map((size) => (size === -1 ? 'any' : size)).join(', ')}], ` +
      `fed were ${fed.data.length} values of ${fed.type} [${fed.dims.join(', ')}]`,
  );
}

function zeros({ type }: Port, dims: number[]): Tensor {
  const count = dims.reduce((product, size) => product * size, 1);
  const Holder = holderOf(type);
  const data = new Holder(new ArrayBuffer(count * Holder.BYTES_PER_ELEMENT));
  return { type: typeName(type) as Tensor['type'], dims, data };
}
