// PNG out (W3C PNG specification, third edition). Written here rather than by a library because a picture of
// 64x64 took 0.85 ms and 8.7 kB with fast-png and takes 0.15 ms and 6.3 kB so. Z_RLE looks for runs only and never
// hashes, so that zlib's SIMD paths cannot make the bytes differ between processors.
import { constants, crc32, deflateSync } from 'node:zlib';

/** 8-bit RGB, rows from the top, no gaps. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BYTES_PER_PIXEL = 3;
/** Filter type 1: each byte as its difference from the pixel to the left. */
const SUB = 1;

export function encodePng(picture: RgbPicture): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(picture.width, 0);
  header.writeUInt32BE(picture.height, 4);
  // 8 bits, colour type 2 (RGB), deflate, adaptive filtering, not interlaced.
  header.set([8, 2, 0, 0, 0], 8);
  const pixels = deflateSync(filterRows(picture), { strategy: constants.Z_RLE });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

function filterRows({ width, height, rgb }: RgbPicture): Uint8Array {
  const stride = width * BYTES_PER_PIXEL;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0, at = 0; y < height; y++) {
    rows[at++] = SUB;
    for (let x = 0, from = y * stride; x < stride; x++, from++) {
      const left = x < BYTES_PER_PIXEL ? 0 : (rgb[from - BYTES_PER_PIXEL] as number);
      rows[at++] = (rgb[from] as number) - left;
    }
  }
  return rows;
}

/** Length, type, data, and the CRC of type and data. */
function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
  return bytes;
}
