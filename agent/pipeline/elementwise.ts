// Arithmetic over arrays, element by element, rounded to float32 at every operation, as torch computes: with WebAssembly's
// vectors, since V8 computes in float64 and rounds each result, one by one.
import { ELEMENTWISE_WASM } from './elementwise-wasm.ts';

/** A chunk of an array, or of what was computed from some. */
export interface Values {
  readonly offset: number;
}

/** Each gives values of its own; scalars are rounded to float32. */
export interface Arithmetic {
  plus(a: Values, b: Values): Values;
  minus(a: Values, b: Values): Values;
  times(a: Values, by: number): Values;
  over(a: Values, by: number): Values;
  /** From −range to range. */
  within(a: Values, range: number): Values;
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly CHUNK_BYTES: { readonly value: number };
  plus(to: number, a: number, b: number): void;
  minus(to: number, a: number, b: number): void;
  times(to: number, a: number, by: number): void;
  over(to: number, a: number, by: number): void;
  within(to: number, a: number, range: number): void;
}

const module = new WebAssembly.Module(Buffer.from(ELEMENTWISE_WASM, 'base64'));
const kernel = new WebAssembly.Instance(module).exports as unknown as Kernel;
const memory = new Float32Array(kernel.memory.buffer);
const CHUNK_BYTES = kernel.CHUNK_BYTES.value;
/** Values of a chunk. */
const CHUNK = CHUNK_BYTES / memory.BYTES_PER_ELEMENT;
/** As many as the memory holds. */
const chunks = Array.from({ length: memory.byteLength / CHUNK_BYTES }, (_, i): Values => ({ offset: i * CHUNK_BYTES }));
let used = 0;

function next(): Values {
  const chunk = chunks[used++];
  if (!chunk) throw new RangeError(`an expression of more than ${chunks.length} arrays and operations`);
  return chunk;
}

const arithmetic: Arithmetic = {
  plus(a, b) {
    const to = next();
    kernel.plus(to.offset, a.offset, b.offset);
    return to;
  },
  minus(a, b) {
    const to = next();
    kernel.minus(to.offset, a.offset, b.offset);
    return to;
  },
  times(a, by) {
    if (by === 1) return a;
    const to = next();
    kernel.times(to.offset, a.offset, by);
    return to;
  },
  over(a, by) {
    if (by === 1) return a;
    const to = next();
    kernel.over(to.offset, a.offset, by);
    return to;
  },
  within(a, range) {
    if (range === Infinity) return a;
    const to = next();
    kernel.within(to.offset, a.offset, range);
    return to;
  },
};

/**
 * An expression over arrays of one length, taken chunk by chunk, so that what lies between two operations stays in the caches.
 *
 * @param expression the same operations each time that it is called
 * @returns a new array
 * @throws RangeError for arrays of different lengths, or an expression that is too long
 */
export function elementwise<const Arrays extends readonly Float32Array[]>(
  arrays: Arrays,
  expression: (values: { readonly [I in keyof Arrays]: Values }, arithmetic: Arithmetic) => Values,
): Float32Array<ArrayBuffer> {
  const { length } = arrays[0] as Float32Array;
  if (arrays.some((array) => array.length !== length))
    throw new RangeError(`arrays of ${arrays.map((array) => array.length).join(', ')} values do not go together`);
  const found = new Float32Array(length);
  for (let at = 0; at < length; at += CHUNK) {
    const end = Math.min(length, at + CHUNK);
    used = 0;
    const values = arrays.map((array) => {
      const chunk = next();
      memory.set(array.subarray(at, end), chunk.offset / memory.BYTES_PER_ELEMENT);
      return chunk;
    });
    const { offset } = expression(values as unknown as { readonly [I in keyof Arrays]: Values }, arithmetic);
    const first = offset / memory.BYTES_PER_ELEMENT;
    found.set(memory.subarray(first, first + end - at), at);
  }
  return found;
}
