// Weights in a file of safetensors: a header in JSON that says where each tensor lies, then the numbers.
// Source: the format's page, github.com/huggingface/safetensors (README, "Format").

export interface Weights {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Weights>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 16 * 1024 * 1024;
const WIDTHS: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** @throws RangeError that says what is wrong with the bytes */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < LENGTH_BYTES ? Number.NaN : Number(view.getBigUint64(0, true));
  if (!(length >= 2 && length <= MOST_HEADER_BYTES && LENGTH_BYTES + length <= bytes.length))
    throw new RangeError('this is no safetensors file, or one that is cut short');
  const data = bytes.subarray(LENGTH_BYTES + length);
  const { __metadata__: metadata, ...entries } = parse(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, weightsOf(name, entry, data)]));
  return { tensors, metadata: (metadata ?? {}) as Record<string, string> };
}

function parse(header: Uint8Array): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(Buffer.from(header).toString('utf8'));
    if (typeof found === 'object' && found !== null && !Array.isArray(found)) return found as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new RangeError('the header of this safetensors file cannot be read');
}

function weightsOf(name: string, entry: unknown, data: Uint8Array): Weights {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const width = typeof dtype === 'string' ? WIDTHS[dtype] : undefined;
  if (width === undefined) throw new RangeError(`${name} is stored as ${dtype}; F32, F16 and BF16 are read`);
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2)
    throw new RangeError(`${name}: shape and data_offsets cannot be read`);
  const [from, to] = offsets as [number, number];
  const count = shape.reduce((product, size) => product * size, 1);
  if (to > data.length || to - from !== count * width)
    throw new RangeError(`${name}: ${count} numbers do not lie in bytes ${from} to ${to} of ${data.length}`);
  // A copy, because offsets need not be multiples of the width.
  const { buffer } = new Uint8Array(data.subarray(from, to));
  return { dims: shape, values: widened(dtype as string, buffer) };
}

function widened(dtype: string, buffer: ArrayBuffer): Float32Array {
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype === 'F16') return Float32Array.from(new Float16Array(buffer));
  const halves = new Uint16Array(buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer);
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
