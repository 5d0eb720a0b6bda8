import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { decodeMask, decodePng } from './read-png.ts';

/** A PNG of one row whose pixels stand in `rows` as the file keeps them, filter byte included. */
function pngOf(header: number[], rows: Uint8Array, before: readonly Uint8Array[] = []): Uint8Array {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', Uint8Array.from(header)),
    ...before,
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = [Buffer.alloc(4), Buffer.alloc(4)] as const;
  ends[0].writeUInt32BE(data.length);
  ends[1].writeUInt32BE(crc32(named));
  return Buffer.concat([ends[0], named, ends[1]]);
}

/** Four bytes a side, depth, colour type, and the rest as usual. */
const headerOf = (width: number, height: number, depth: number, colour: number, interlace = 0): number[] => {
  const sides = Buffer.alloc(8);
  sides.writeUInt32BE(width);
  sides.writeUInt32BE(height, 4);
  return [...sides, depth, colour, 0, 0, interlace];
};

const RGB = 2;
const GREY = 0;
const INDEXED = 3;
/** Two colours. */
const PALETTE = chunk('PLTE', Uint8Array.of(1, 2, 3, 250, 251, 252));
const grey = encode({ width: 2, height: 1, data: Uint8Array.of(1, 200), channels: 1 });
const rgb = encode({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6), channels: 3 });

describe('decodePng reads', () => {
  it.each<[string, Uint8Array, number[]]>([
    ['colours', rgb, [1, 2, 3, 4, 5, 6]],
    [
      'colours with alpha, which is dropped',
      encode({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3, 0), channels: 4 }),
      [1, 2, 3],
    ],
    ['grey', grey, [1, 1, 1, 200, 200, 200]],
    ['grey with alpha', encode({ width: 1, height: 1, data: Uint8Array.of(7, 0), channels: 2 }), [7, 7, 7]],
    [
      '16 bits, of which the upper 8 count',
      encode({ width: 1, height: 1, data: Uint16Array.of(0x01ff, 0x0200, 0x03fe), channels: 3, depth: 16 }),
      [1, 2, 3],
    ],
    [
      'black and white of one bit',
      pngOf(headerOf(3, 1, 1, GREY), Uint8Array.of(0, 0b10100000)),
      [255, 255, 255, 0, 0, 0, 255, 255, 255],
    ],
    ['grey of two bits', pngOf(headerOf(2, 1, 2, GREY), Uint8Array.of(0, 0b01100000)), [85, 85, 85, 170, 170, 170]],
    ['a palette', pngOf(headerOf(2, 1, 4, INDEXED), Uint8Array.of(0, 0x10), [PALETTE]), [250, 251, 252, 1, 2, 3]],
    ['interlaced pixels', pngOf(headerOf(1, 1, 8, RGB, 1), Uint8Array.of(0, 9, 8, 7)), [9, 8, 7]],
    [
      'no other chunks: here a colour profile that is none',
      pngOf(headerOf(1, 1, 8, RGB), Uint8Array.of(0, 9, 8, 7), [chunk('iCCP', Uint8Array.of(65, 0, 0, 1, 2))]),
      [9, 8, 7],
    ],
  ])('%s', (_, png, wanted) => expect([...decodePng(png).rgb]).toEqual(wanted));
});

describe('decodeMask', () => {
  it.each<[string, 1 | 2 | 3 | 4, number[], number[]]>([
    ['grey', 1, [127, 128, 0, 255], [0, 1, 0, 1]],
    ['grey with alpha', 2, [127, 255, 128, 0], [0, 1]],
    ['colours', 3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 128, 128, 127], [0, 1, 0, 1]],
    ['colours with alpha', 4, [200, 200, 200, 0, 100, 100, 100, 255], [1, 0]],
  ])('takes %s by its brightness', (_, channels, values, wanted) => {
    const png = encode({ width: wanted.length, height: 1, data: Uint8Array.from(values), channels });
    expect([...decodeMask(png)]).toEqual(wanted);
  });

  it('takes black and white, a palette and 16 bits, too', () => {
    const bits = Uint8Array.of(0, 0b01100000);
    expect([...decodeMask(pngOf(headerOf(4, 1, 1, GREY), bits))]).toEqual([0, 1, 1, 0]);
    expect([...decodeMask(pngOf(headerOf(4, 1, 1, INDEXED), bits, [PALETTE]))]).toEqual([0, 1, 1, 0]);
    const deep = encode({ width: 2, height: 1, data: Uint16Array.of(0x7fff, 0x8000), channels: 1, depth: 16 });
    expect([...decodeMask(deep)]).toEqual([0, 1]);
  });
});

describe('a PNG is refused', () => {
  const png = pngOf(headerOf(64, 64, 8, RGB), new Uint8Array(64 * 193));
  const damaged = Uint8Array.from(png);
  damaged[50] = (damaged[50] as number) ^ 1;
  const twoHeaders = pngOf(headerOf(1, 1, 8, RGB), new Uint8Array(4), [
    chunk('IHDR', Uint8Array.from(headerOf(60_000, 60_000, 8, RGB))),
  ]);

  it.each<[string, Uint8Array, string]>([
    ['that is none', new TextEncoder().encode('<svg/>'), 'do not begin like a PNG'],
    ['whose end is missing', png.subarray(0, -12), 'cut short'],
    ['that ends within its pixels', png.subarray(0, 60), 'cut short'],
    ['that ends behind its header', png.subarray(0, 33), 'cut short'],
    ['with a wrong checksum', damaged, 'its IDAT has another checksum'],
    ['with too few pixels', pngOf(headerOf(64, 64, 8, RGB), new Uint8Array(99)), '99 bytes of pixels, not 12352'],
    ['that unpacks to 64 MB', pngOf(headerOf(64, 64, 8, RGB), new Uint8Array(2 ** 26)), 'to more than its 12352 bytes'],
    ['with two headers', twoHeaders, 'it has two headers'],
    ['with a colour that it lacks', pngOf(headerOf(1, 1, 8, INDEXED), Uint8Array.of(0, 7), [PALETTE]), 'no colour 7'],
    ['of a depth that there is none of', pngOf(headerOf(1, 1, 3, GREY), new Uint8Array(2)), '3 bits'],
    ['whose few bits are interlaced', pngOf(headerOf(1, 1, 1, GREY, 1), new Uint8Array(2)), 'without interlace'],
  ])('%s', (_, bytes, why) => {
    expect(() => decodePng(bytes)).toThrow(why);
    expect(() => decodeMask(bytes)).toThrow(why);
  });
});
