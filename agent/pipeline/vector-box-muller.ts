// Box-Muller with WebAssembly's vectors, many times as fast as one by one (`npm run perf -- --only noise`), and the same bits
// wherever the processor fuses a product and a sum: relaxed SIMD leaves that to it, so it is tried before its first use.
import { boxMuller as oneByOne } from './box-muller.ts';
import { BOX_MULLER_WASM } from './box-muller-wasm.ts';

type BoxMuller = typeof oneByOne;

interface Kernel {
  readonly memory: WebAssembly.Memory;
  /** @param count at most the memory's words */
  boxMuller(count: number): void;
}

/** Words that tell a fused product and sum from a rounded one: where it is rounded, 11 values come out otherwise. */
const PROOF = Uint32Array.from({ length: 1024 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));

let chosen: BoxMuller | undefined;

/** {@link oneByOne}, by vectors where they give the same bits. */
export function boxMuller(words: Uint32Array, values: Float32Array): void {
  chosen ??= vectors(Buffer.from(BOX_MULLER_WASM, 'base64')) ?? oneByOne;
  chosen(words, values);
}

/** @returns nothing where this Node has no such instructions, or its processor rounds between the product and the sum */
export function vectors(module: Uint8Array<ArrayBuffer>): BoxMuller | undefined {
  if (!WebAssembly.validate(module)) return;
  const kernel = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as unknown as Kernel;
  const input = new Uint32Array(kernel.memory.buffer);
  const output = new Float32Array(kernel.memory.buffer);
  const run: BoxMuller = (words, values) => {
    for (let at = 0; at < values.length; at += input.length) {
      const count = Math.min(input.length, values.length - at);
      input.set(words.subarray(at, at + count));
      kernel.boxMuller(count);
      values.set(output.subarray(0, count), at);
    }
  };
  return agrees(run) ? run : undefined;
}

function agrees(run: BoxMuller): boolean {
  const [expected, got] = [oneByOne, run].map((each) => {
    const values = new Float32Array(PROOF.length);
    each(PROOF, values);
    return Buffer.from(values.buffer);
  }) as [Buffer, Buffer];
  return expected.equals(got);
}
