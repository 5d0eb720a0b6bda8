import { describe, expect, it } from 'vitest';
import { boxMuller as oneByOne } from './box-muller.ts';
import { BOX_MULLER_WASM } from './box-muller-wasm.ts';
import { boxMuller, vectors } from './vector-box-muller.ts';

/** Opcodes of a · b + c and of −(a · b) + c, from the relaxed SIMD proposal. */
const [RELAXED_MADD, RELAXED_NMADD] = ['fd8502', 'fd8602'];

const compiled = (): Buffer<ArrayBuffer> => Buffer.from(BOX_MULLER_WASM, 'base64');
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer);

describe('Box-Muller by vectors', () => {
  it('gives the same bits one by one, for more words than its memory holds', () => {
    // An odd factor goes through all words of 24 bits; the extremes come first.
    const words = Uint32Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i, 0x9e3779b1));
    words.set([0xffffff, 0, 0xffffff, 1, 0, 0xfffffe, 0x800000, 0x7fffff, 0, 0xffffff, 1, 0xfffffe]);
    const [expected, got] = [new Float32Array(words.length), new Float32Array(words.length)];
    oneByOne(words, expected);
    boxMuller(words, got);
    expect(bitsOf(got).findIndex((bits, i) => bits !== bitsOf(expected)[i])).toBe(-1);
  });

  it('is not used where a processor computes other bits', () => {
    const other = Buffer.from(compiled().toString('hex').replaceAll(RELAXED_MADD, RELAXED_NMADD), 'hex');
    expect(other).not.toEqual(compiled());
    expect(WebAssembly.validate(other)).toBe(true);
    expect(vectors(other)).toBeUndefined();
  });

  it('is not used where Node does not know its instructions', () => {
    expect(vectors(compiled().subarray(0, -1))).toBeUndefined();
  });
});
