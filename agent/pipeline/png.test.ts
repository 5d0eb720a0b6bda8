import { createHash } from 'node:crypto';
import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../shared/statistics.ts';
import { decodeMask, decodePng, encodePng, type RgbPicture } from './png.ts';

function noisePicture(width: number, height: number): RgbPicture {
  const uniform = mulberry32(width * 1000 + height);
  return { width, height, rgb: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(uniform() * 256)) };
}

describe('encodePng', () => {
  it.each([
    [1, 1],
    [3, 2],
    [64, 64],
    [257, 33],
  ])('writes %ix%i so that another decoder reads the same pixels', (width, height) => {
    const picture = noisePicture(width, height);
    const read = decode(encodePng(picture), { checkCrc: true });
    expect(read).toMatchObject({ width, height, channels: 3, depth: 8 });
    expect([...read.data]).toEqual([...picture.rgb]);
  });

  it('gives the same bytes everywhere', () => {
    const rgb = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7) % 256);
    const png = encodePng({ width: 32, height: 32, rgb });
    expect(createHash('sha256').update(png).digest('hex')).toMatchInlineSnapshot(
      `"0061036bee709bee1c927b6db49e5bdbcfc22756c158955987c395357edb33a5"`,
    );
  });
});

describe('decodeMask', () => {
  it.each<[string, number, number[], number[]]>([
    ['grey', 1, [127, 128, 0, 255], [0, 1, 0, 1]],
    ['grey with alpha', 2, [127, 255, 128, 0], [0, 1]],
    ['colours', 3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 128, 128, 127], [0, 1, 0, 1]],
    ['colours with alpha', 4, [200, 200, 200, 0, 100, 100, 100, 255], [1, 0]],
  ])('takes %s by its brightness', (_, channels, values, wanted) => {
    const png = encode({ width: wanted.length, height: 1, data: Uint8Array.from(values), channels });
    expect([...decodeMask(png)]).toEqual(wanted);
  });

  it('refuses 16 bits and what is no PNG', () => {
    const deep = encode({ width: 1, height: 1, data: Uint16Array.of(9), channels: 1, depth: 16 });
    expect(() => decodeMask(deep)).toThrow('got 16 bits');
    expect(() => decodeMask(new TextEncoder().encode('<svg/>'))).toThrow();
  });
});

describe('decodePng', () => {
  it('drops alpha', () => {
    const data = Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 0);
    expect([...decodePng(encode({ width: 2, height: 1, data, channels: 4 })).rgb]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('refuses other kinds, truncated files and wrong checksums', () => {
    const png = encodePng(noisePicture(8, 8));
    const damaged = Uint8Array.from(png);
    damaged[50] = (damaged[50] as number) ^ 1;
    expect(() => decodePng(encode({ width: 2, height: 1, data: Uint8Array.of(1, 2), channels: 1 }))).toThrow(
      '8-bit RGB',
    );
    expect(() => decodePng(png.subarray(0, 60))).toThrow();
    expect(() => decodePng(damaged)).toThrow();
    expect(() => decodePng(new TextEncoder().encode('<svg/>'))).toThrow();
  });
});
