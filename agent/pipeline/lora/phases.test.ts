import { describe, expect, it } from 'vitest';
import { ofPhase, type Phase, phaseOf } from './phases.ts';

const PHASES: readonly Phase[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

/** [1, 1, H, W] with zeros around it, kernel's first row and column that many pixels before the pixel. */
function convolve(picture: number[][], kernel: number[][], [top, left]: readonly [number, number]): number[][] {
  return picture.map((row, y) =>
    row.map((_, x) => {
      const products = kernel.flatMap((weights, dy) =>
        weights.map((weight, dx) => weight * (picture[y + dy - top]?.[x + dx - left] ?? 0)),
      );
      return products.reduce((sum, product) => sum + product, 0);
    }),
  );
}

describe('the four phases of a 3x3 kernel', () => {
  it('give over a small picture what the kernel gives over one twice as large', () => {
    const weights = [1, 2, 3, 5, 7, 11, 13, 17, 19];
    const small = [
      [2, 4, 1],
      [8, 3, 5],
    ];
    const large = [0, 0, 1, 1].map((y) => [0, 0, 1, 1, 2, 2].map((x) => small[y]?.[x] as number));
    const kernel = [weights.slice(0, 3), weights.slice(3, 6), weights.slice(6)];
    const wanted = convolve(large, kernel, [1, 1]);
    for (const [row, column] of PHASES) {
      const { dims, values } = ofPhase({ dims: [1, 1, 3, 3], values: Float32Array.from(weights) }, [row, column]);
      expect(dims).toEqual([1, 1, 2, 2]);
      const folded = [[...values.slice(0, 2)], [...values.slice(2)]];
      const found = convolve(small, folded, [1 - row, 1 - column]);
      expect(found).toEqual([row, row + 2].map((y) => [column, column + 2, column + 4].map((x) => wanted[y]?.[x])));
    }
  });

  it('keep outputs and inputs apart', () => {
    const values = new Float32Array(2 * 3 * 9).map((_, at) => Math.floor(at / 9));
    const folded = ofPhase({ dims: [2, 3, 3, 3], values }, [1, 0]);
    expect(folded.dims).toEqual([2, 3, 2, 2]);
    // 2, 4, 1 and 2 places fall on the four pixels.
    expect([...folded.values.slice(4, 8)].sort()).toEqual([1, 2, 2, 4]);
    expect(folded.values.slice(20).reduce((sum, value) => sum + value)).toBe(45);
  });

  it.each([[[2, 3]], [[2, 3, 1, 1]], [[2, 3, 3, 1]]])('refuses a kernel of %j', (dims) => {
    const values = new Float32Array(dims.reduce((product, size) => product * size, 1));
    expect(() => ofPhase({ dims, values }, [0, 0])).toThrow(`[${dims}] is no 3x3 convolution`);
  });
});

describe('the name of a node', () => {
  it.each([
    ['/network/up_blocks.0/upsamplers.0/conv/Conv.10', [1, 0]],
    ['/network/up_blocks.0/upsamplers.0/conv/Conv', null],
    ['/network/up_blocks.0/upsamplers.0/conv/Conv_1', null],
    ['', null],
  ])('%j says the phase %j', (name, phase) => expect(phaseOf(name)).toEqual(phase));
});
