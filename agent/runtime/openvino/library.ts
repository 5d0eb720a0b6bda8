// OpenVINO's C API (openvino/c/*.h of the pinned wheel) through koffi: declarations, and status codes turned into errors.
// Variadic functions cannot be called asynchronously and `set_callback` keeps a pointer that koffi frees: neither is used.
import { join } from 'node:path';
import koffi, { type TypeObject } from 'koffi';
import { C_LIBRARY } from './package.ts';

/** A pointer into the library. */
export type Pointer = bigint;

/** ov_status_e of a request that was broken off. */
export const CANCELED = -13;

/** Compiling and inference run on a stack of koffi's; its default of 256 KiB is little for deep graphs, and untouched pages cost nothing. */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024;

/** Characters of a fault. */
const MOST_WORDS = 1000;

const shape = koffi.struct({ rank: 'int64', dims: 'int64 *' });
const dimension = koffi.struct({ min: 'int64', max: 'int64' });
const partialShape = koffi.struct({ rank: dimension, dims: koffi.pointer(dimension) });
const property = koffi.struct({ key: 'str', value: 'str' });
const version = koffi.struct({ buildNumber: 'str', description: 'str' });
const profile = koffi.struct({
  status: 'int',
  realUs: 'int64',
  cpuUs: 'int64',
  node: 'str',
  execType: 'str',
  nodeType: 'str',
});
const profiles = koffi.struct({ infos: koffi.pointer(profile), size: 'size_t' });

export interface NodeProfile {
  /** 0 not run, 1 optimised out, 2 executed. */
  readonly status: number;
  readonly realUs: number;
  readonly execType: string;
  readonly nodeType: string;
}

/** ov_element_type_e of bytes. */
const UINT8 = 16;

/** Parameters of a native function. */
type Types = (string | TypeObject | ReturnType<typeof koffi.out>)[];

export type Library = ReturnType<typeof openLibrary>;

/**
 * @param folder the libraries of package.ts stand in it
 * @throws Error of the dynamic loader, which names the file
 */
export function openLibrary(folder: string) {
  koffi.config({ async_stack_size: ASYNC_STACK_BYTES, resident_async_pools: 2, max_async_calls: 16 });
  const library = koffi.load(join(folder, C_LIBRARY));
  const handle = 'void *';
  const outHandle = koffi.out(koffi.pointer('void *'));
  const outSize = koffi.out(koffi.pointer('size_t'));
  const lastError = library.func('ov_get_last_err_msg', 'str', []);
  /** A function that answers with a status. */
  const call = (name: string, types: Types) => {
    const native = library.func(name, 'int', types);
    return (...given: unknown[]): void => check(name, native(...given), lastError);
  };
  /** A function whose last parameter is a handle to be filled. */
  const make = (name: string, types: Types) => {
    const fill = call(name, [...types, outHandle]);
    return (...given: unknown[]): Pointer => {
      const made: [Pointer | null] = [null];
      fill(...given, made);
      if (made[0] === null) throw new Error(`${name} of OpenVINO gave nothing`);
      return made[0];
    };
  };
  const release = (name: string): ((of: Pointer | null) => void) => library.func(name, 'void', [handle]);
  const size = (name: string) => {
    const fill = call(name, [handle, outSize]);
    return (of: Pointer): number => {
      const found = [0];
      fill(of, found);
      return Number(found[0]);
    };
  };
  const start = call('ov_infer_request_start_async', [handle]);
  const wait = library.func('ov_infer_request_wait', 'int', [handle]);
  const freeText = release('ov_free');
  const freeTensor = release('ov_tensor_free');
  const freeShape = library.func('ov_shape_free', 'int', [koffi.pointer(shape)]);
  const freePartialShape = library.func('ov_partial_shape_free', 'void', [koffi.pointer(partialShape)]);
  const freeProfiles = library.func('ov_profiling_info_list_free', 'void', [koffi.pointer(profiles)]);
  const anyName = call('ov_port_get_any_name', [handle, outHandle]);
  const elementType = call('ov_port_get_element_type', [handle, koffi.out(koffi.pointer('int'))]);
  const portShape = call('ov_port_get_partial_shape', [handle, koffi.out(koffi.pointer(partialShape))]);
  const tensorShape = call('ov_tensor_get_shape', [handle, koffi.out(koffi.pointer(shape))]);
  const tensorBytes = call('ov_tensor_get_byte_size', [handle, outSize]);
  const profiling = call('ov_infer_request_get_profiling_info', [handle, koffi.out(koffi.pointer(profiles))]);
  const compiledProperty = call('ov_compiled_model_get_property', [handle, 'str', outHandle]);
  const describe = call('ov_get_openvino_version', [koffi.out(koffi.pointer(version))]);
  const compile = library.func('ov_core_compile_model_props', 'int', [
    handle,
    handle,
    'str',
    'size_t',
    koffi.pointer(property),
    outHandle,
  ]);
  return {
    createCore: make('ov_core_create', []),
    readModel: make('ov_core_read_model', [handle, 'str', 'str']),
    freeModel: release('ov_model_free'),
    inputCount: size('ov_model_inputs_size'),
    outputCount: size('ov_model_outputs_size'),
    inputPort: make('ov_model_const_input_by_index', [handle, 'size_t']),
    outputPort: make('ov_model_const_output_by_index', [handle, 'size_t']),
    freePort: release('ov_output_const_port_free'),
    freeCompiled: release('ov_compiled_model_free'),
    createRequest: make('ov_compiled_model_create_infer_request', [handle]),
    freeRequest: release('ov_infer_request_free'),
    inputTensor: make('ov_infer_request_get_input_tensor_by_index', [handle, 'size_t']),
    setInput: call('ov_infer_request_set_input_tensor_by_index', [handle, 'size_t', handle]),
    outputTensor: make('ov_infer_request_get_output_tensor_by_index', [handle, 'size_t']),
    tensorData: make('ov_tensor_data', [handle]),
    freeTensor,
    cancel: call('ov_infer_request_cancel', [handle]),

    /** @param weights must stay as they are for as long as the model, or anything that was compiled from it, is used */
    readModelFrom: (() => {
      const read = make('ov_core_read_model_from_memory_buffer', [handle, 'void *', 'size_t', handle]);
      const wrap = make('ov_tensor_create_from_host_ptr', ['int', shape, 'void *']);
      return (core: Pointer, xml: Uint8Array, weights: Uint8Array): Pointer => {
        const tensor = wrap(UINT8, { rank: 1, dims: [weights.length] }, weights);
        try {
          return read(core, xml, xml.length, tensor);
        } finally {
          freeTensor(tensor);
        }
      };
    })(),
    version(): string {
      const found = { buildNumber: '' };
      describe(found);
      return found.buildNumber;
    },
    /** The name that the library likes best of those that the port has. */
    portName(port: Pointer): string {
      const found: [Pointer | null] = [null];
      anyName(port, found);
      const name: string = koffi.decode(found[0], 'char', -1);
      freeText(found[0]);
      return name;
    },
    /** ov_element_type_e. */
    portType(port: Pointer): number {
      const found = [0];
      elementType(port, found);
      return found[0] as number;
    },
    /** −1 stands for a free dimension; null for a free rank. */
    portDims(port: Pointer): number[] | null {
      const found = { rank: { min: 0, max: 0 }, dims: 0n };
      portShape(port, found);
      const rank = Number(found.rank.max) === Number(found.rank.min) ? Number(found.rank.max) : null;
      const read = (i: number) => koffi.decode(found.dims, i * 16, dimension) as { min: number; max: number };
      const dims =
        rank === null
          ? null
          : Array.from({ length: rank }, (_, i) => {
              const { min, max } = read(i);
              return Number(min) === Number(max) ? Number(min) : -1;
            });
      freePartialShape(found);
      return dims;
    },
    /** A tensor with memory of its own. */
    createTensor: (() => {
      const create = make('ov_tensor_create', ['int', shape]);
      return (type: number, dims: readonly number[]): Pointer => create(type, { rank: dims.length, dims: [...dims] });
    })(),
    tensorDims(tensor: Pointer): number[] {
      const found = { rank: 0, dims: 0n };
      tensorShape(tensor, found);
      const rank = Number(found.rank);
      const dims = rank === 0 ? [] : [...(koffi.decode(found.dims, 'int64', rank) as Iterable<number | bigint>)];
      freeShape(found);
      return dims.map(Number);
    },
    /** The tensor's memory, without a copy; valid for as long as the tensor is. */
    tensorView(tensor: Pointer, data: Pointer): ArrayBuffer {
      const bytes = [0];
      tensorBytes(tensor, bytes);
      return koffi.view(data, Number(bytes[0]));
    },
    /** Fixes the sizes of all inputs, in the model itself. */
    reshape: (() => {
      const run = call('ov_model_reshape_by_port_indexes', [
        handle,
        koffi.pointer('size_t'),
        koffi.pointer(partialShape),
        'size_t',
      ]);
      return (model: Pointer, sizes: readonly (readonly number[])[]): void => {
        const shapes = sizes.map((dims) => ({
          rank: { min: dims.length, max: dims.length },
          dims: dims.map((size) => ({ min: size, max: size })),
        }));
        const indexes = sizes.map((_, i) => i);
        run(model, indexes, shapes, sizes.length);
      };
    })(),
    /** In one of koffi's threads: the event loop stays free. The model must be left alone meanwhile. */
    compile(core: Pointer, model: Pointer, properties: Readonly<Record<string, string>>): Promise<Pointer> {
      const list = Object.entries(properties).map(([key, value]) => ({ key, value }));
      const made: [Pointer | null] = [null];
      return new Promise((resolve, reject) => {
        compile.async(core, model, 'CPU', list.length, list, made, (error: Error | null, status: number) => {
          if (error) return reject(error);
          try {
            check('ov_core_compile_model_props', status, lastError);
            resolve(made[0] as Pointer);
          } catch (fault) {
            reject(fault);
          }
        });
      });
    },
    /** Whether OpenVINO took it from its CACHE_DIR. */
    isFromCache(compiled: Pointer): boolean {
      const found: [Pointer | null] = [null];
      compiledProperty(compiled, 'LOADED_FROM_CACHE', found);
      const text: string = koffi.decode(found[0], 'char', -1);
      freeText(found[0]);
      return text === 'YES';
    },
    /**
     * Starts the inference on the library's own threads and waits in one of koffi's: the event loop stays free. (The
     * synchronous call, made in another thread, would not heed a cancel.)
     *
     * @returns the status, `CANCELED` among them
     */
    infer(request: Pointer): Promise<number> {
      start(request);
      return new Promise((resolve, reject) => {
        wait.async(request, (error: Error | null, status: number) => (error ? reject(error) : resolve(status)));
      });
    },
    check: (name: string, status: number) => check(name, status, lastError),
    /** Of the last inference of a request that was compiled with PERF_COUNT. */
    profile(request: Pointer): NodeProfile[] {
      const found = { infos: 0n, size: 0 };
      profiling(request, found);
      const count = Number(found.size);
      const infos = count === 0 ? [] : (koffi.decode(found.infos, profile, count) as NodeProfile[]);
      const copies = infos.map(({ status, realUs, execType, nodeType }) => ({
        status,
        realUs: Number(realUs),
        execType,
        nodeType,
      }));
      freeProfiles(found);
      return copies;
    },
  };
}

function check(name: string, status: number, lastError: () => string | null): void {
  if (status === 0) return;
  const words = lastError()?.trim().replaceAll(/\s+/g, ' ');
  throw new Error(`${name} of OpenVINO: ${words ? shortened(words) : `status ${status}`}`);
}

/** What it quotes of a graph has no bound; where it was begins the sentence, and what was wrong ends it. */
function shortened(words: string): string {
  const half = MOST_WORDS / 2;
  return words.length <= MOST_WORDS ? words : `${words.slice(0, half)} … ${words.slice(-half)}`;
}
