import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { elementsOf, onnxFault } from './onnx-fault.ts';
import { readOnnx } from './read-onnx.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/pipelines', import.meta.url));
const real = join(FIXTURES, 'sd/text_encoder/model.onnx');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-onnx-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

// Protocol buffers by hand: field number, then a number or bytes.
function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}
const number = (field: number, value: number | bigint) => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, content: readonly number[]) => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, value: string) => bytes(field, [...Buffer.from(value)]);
const entry = (key: string, value: string) => bytes(13, [...text(1, key), ...text(2, value)]);
const node = (operator: string, domain = '') => bytes(1, [...text(4, operator), ...(domain ? text(7, domain) : [])]);
const tensor = (dims: readonly (number | bigint)[], more: readonly number[]) =>
  bytes(5, [...dims.flatMap((size) => number(1, size)), ...number(2, 1), ...text(8, 'w'), ...more]);

function faultOf(graph: readonly number[], sizes: Readonly<Record<string, number>> = {}): string | null {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, Buffer.from(bytes(7, graph)));
  return onnxFault(readOnnx(path), (location) => sizes[location] ?? null);
}

function outcome(path: string): string | null {
  try {
    return onnxFault(readOnnx(path), () => null);
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

describe('a real graph', () => {
  it('is read whole and found sound', () => {
    const file = readOnnx(real);
    expect(onnxFault(file, () => null)).toBeNull();
    expect(file.operators).toContain(':MatMul');
    const parameters = file.weights.reduce((sum, weights) => sum + elementsOf(weights), 0);
    expect(parameters).toBeGreaterThan(30_000);
  });

  it('is refused by the name of an operator that was damaged', () => {
    const whole = readFileSync(join(FIXTURES, 'lcm/unet/model.onnx'), 'latin1');
    const path = join(folder, 'renamed.onnx');
    writeFileSync(path, whole, 'latin1');
    expect(outcome(path)).toBeNull();
    writeFileSync(path, whole.replace('\x22\x12MultiHeadAttention', '\x22\x12MultiHeadAttentiom'), 'latin1');
    expect(outcome(path)).toMatch(
      'the operator MultiHeadAttentiom of "com.microsoft", which ONNX Runtime does not have',
    );
  });

  it('is refused when it is cut anywhere, and never read beyond its end', () => {
    const whole = readFileSync(real);
    const path = join(folder, 'cut.onnx');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: whole.length - 100 }), (length) => {
        writeFileSync(path, whole.subarray(0, length));
        expect(outcome(path)).toMatch(/cut short|damaged|holds no graph/);
      }),
      { numRuns: 200 },
    );
  });

  it('never hangs or ends the process when bytes are changed', () => {
    const whole = readFileSync(real);
    const path = join(folder, 'changed.onnx');
    const changes = fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(changes, (list) => {
        const copy = Buffer.from(whole);
        for (const [at, value] of list) copy[at] = value;
        writeFileSync(path, copy);
        try {
          onnxFault(readOnnx(path), () => null);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a hostile graph is refused', () => {
  it('that is empty', () => {
    writeFileSync(join(folder, 'empty'), '');
    expect(onnxFault(readOnnx(join(folder, 'empty')), () => null)).toMatch('holds no graph');
  });

  it('with operators of a library', () => {
    expect(faultOf(node('Run', 'evil.ops'))).toMatch('operator Run of "evil.ops"; libraries of operators');
    expect(faultOf(node('Gelu', 'com.microsoft'))).toBeNull();
  });

  it('with operators that ONNX Runtime does not have, or for graphics processors alone', () => {
    for (const name of ['GroupNorm', 'Gelo', 'toString', ''])
      expect(faultOf(node(name, 'com.microsoft'))).toMatch(`operator ${name} of "com.microsoft", which ONNX Runtime`);
    const body = bytes(5, bytes(6, node('PackedAttention', 'com.microsoft')));
    expect(faultOf(bytes(1, [...text(4, 'Loop'), ...body]))).toMatch('PackedAttention');
  });

  it('with operators of a library inside a loop', () => {
    const body = bytes(5, bytes(6, node('Run', 'evil.ops')));
    expect(faultOf(bytes(1, [...text(4, 'Loop'), ...body]))).toMatch('evil.ops');
  });

  it('with graphs in graphs without an end', () => {
    let graph = node('Identity');
    for (let depth = 0; depth < 40; depth++) graph = bytes(1, bytes(5, bytes(6, graph)));
    expect(() => faultOf(graph)).toThrow('more than 16 deep');
  });

  it.each([
    [[2 ** 31, 2 ** 31]],
    [[1n << 62n]],
    // −1 as protocol buffers write it.
    [[(1n << 64n) - 1n]],
  ])('with the dimensions %o', (dims) => {
    expect(faultOf(tensor(dims, []))).toMatch('which no device can hold');
  });

  it('with thousands of dimensions, in a line that can be read', () => {
    const fault = faultOf(tensor(Array<number>(5000).fill(2), []));
    expect(fault).toMatch('have the dimensions 2 × 2 × 2 × 2 × 2 × 2 × 2 × 2 … (5000 dimensions), which no device');
  });

  it('with fewer bytes than its dimensions need', () => {
    expect(faultOf(tensor([1000], bytes(9, [1, 2, 3, 4])))).toMatch(
      'have 4 bytes, and their dimensions 1000 need 4000',
    );
  });

  it.each(['../../etc/passwd', '/etc/passwd', 'a/../../b', '*/_ORT_MEM_ADDR_/*', '.', '', 'C:\\weights'])(
    'with weights in %s',
    (location) => {
      const external = [...entry('location', location), ...number(14, 1)];
      expect(faultOf(tensor([1], external), { [location]: 4 })).toMatch('only a file beside the graph is read');
    },
  );

  it('with weights beyond the end of their file, and in one that is missing', () => {
    const at = (offset: string) => [
      ...entry('location', 'model.onnx_data'),
      ...entry('offset', offset),
      ...number(14, 1),
    ];
    expect(faultOf(tensor([2], at('8')), { 'model.onnx_data': 16 })).toBeNull();
    expect(faultOf(tensor([2], at('12')), { 'model.onnx_data': 16 })).toMatch(
      '12 to 20 of "model.onnx_data", which has 16',
    );
    expect(faultOf(tensor([2], at('x')), { 'model.onnx_data': 16 })).toMatch('NaN');
    expect(faultOf(tensor([2], at('0')))).toMatch('is missing');
  });
});
