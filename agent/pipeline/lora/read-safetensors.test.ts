import { describe, expect, it } from 'vitest';
import { readSafetensors } from './read-safetensors.ts';

function file(header: object | string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

it('reads floats of three widths wherever they lie', () => {
  const data = Buffer.concat([
    Buffer.from(Uint16Array.of(0x3e00).buffer),
    Buffer.from(Float32Array.of(-2.5, 7).buffer),
    Buffer.from(Uint16Array.of(0x3fc0).buffer),
  ]);
  const { tensors, metadata } = readSafetensors(
    file(
      {
        __metadata__: { format: 'pt' },
        half: { dtype: 'F16', shape: [1], data_offsets: [0, 2] },
        full: { dtype: 'F32', shape: [2, 1], data_offsets: [2, 10] },
        brain: { dtype: 'BF16', shape: [], data_offsets: [10, 12] },
      },
      data,
    ),
  );
  expect(metadata).toEqual({ format: 'pt' });
  expect([...tensors].map(([name, { dims, values }]) => [name, dims, [...values]])).toEqual([
    ['half', [1], [1.5]],
    ['full', [2, 1], [-2.5, 7]],
    ['brain', [], [1.5]],
  ]);
});

describe('refuses', () => {
  const lying = (more: object) =>
    file({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } }, Buffer.alloc(8));
  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(), 'no safetensors file'],
    ['a header beyond the end', Buffer.alloc(8, 0xff), 'no safetensors file'],
    ['a header that is no JSON', file('{{{{'), 'cannot be read'],
    ['bytes that are not there', lying({ data_offsets: [4, 12] }), '2 numbers do not lie in bytes 4 to 12 of 8'],
    ['a shape that fits no bytes', lying({ shape: [3] }), '3 numbers do not lie'],
    ['negative offsets', lying({ data_offsets: [-8, 0] }), 'cannot be read'],
    ['integers', lying({ dtype: 'I64' }), 'stored as I64'],
  ])('%s', (_, bytes, why) => expect(() => readSafetensors(bytes)).toThrow(why));
});
