// PNG in (W3C PNG specification, third edition): what a user sends. A small file can unpack to gigabytes, in its pixels, in a colour
// profile or in a second header, so only the chunks that pixels need are read, and they unpack to as much as the header says.
import { crc32, inflateSync } from 'node:zlib';
import { decode } from 'fast-png';
import { messageOf } from '../../shared/errors.ts';
import { pngSize } from '../../shared/png-size.ts';
import type { RgbPicture } from './png.ts';

/** 8 bits a channel: grey, grey and alpha, RGB, RGB and alpha; rows from the top, no gaps. */
interface Levels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

const SIGNATURE_BYTES = 8;
/** Length, type and CRC around the data of each chunk. */
const AROUND_BYTES = 12;
const NEEDED = ['IHDR', 'PLTE', 'IDAT', 'IEND'];
/** By colour type (11.2.1). */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First column, first row, and distance of each, of Adam7's passes (8.1). */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
/** libpng, too, leaves a little behind the pixels alone. */
const SLACK_BYTES = 65_536;

/**
 * Reads a PNG of any kind as Pillow's `convert("RGB")` does: alpha is dropped, grey stands three times, of 16 bits the upper 8 count.
 *
 * @throws RangeError for what is no PNG, is damaged, or unpacks to more than its pixels
 */
export function decodePng(png: Uint8Array): RgbPicture {
  const { width, height, channels, data } = read(png);
  if (channels === 3) return { width, height, rgb: data };
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) {
    const channel = channels < 3 ? 0 : i % 3;
    rgb[i] = data[Math.floor(i / 3) * channels + channel] as number;
  }
  return { width, height, rgb };
}

/**
 * Reads a PNG of any kind as a mask: 1 for each pixel whose brightness is half or more, else 0. Colours become grey as Pillow's
 * `convert("L")` makes them (ITU-R 601-2); alpha is dropped. Of grey in 16 bits the upper 8 count, where Pillow takes all above 255
 * for white.
 *
 * @throws RangeError as decodePng
 */
export function decodeMask(png: Uint8Array): Uint8Array {
  const { width, height, channels, data } = read(png);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const share = (channel: number, weight: number) => weight * (data[i * channels + channel] as number);
    const grey = channels < 3 ? share(0, 1) : (share(0, 19595) + share(1, 38470) + share(2, 7471) + 0x8000) >> 16;
    return grey >= 128 ? 1 : 0;
  });
}

function read(png: Uint8Array): Levels {
  if (!pngSize(png)) throw new RangeError('these bytes do not begin like a PNG');
  const { header, packed, needed } = chunksOf(png);
  requireUnpacked(packed, header);
  const { width, height, depth, channels, data, palette } = decode(needed);
  if (palette) return coloured({ width, height, data: eightBits(data, header, 1) }, palette);
  return { width, height, channels, data: eightBits(data, header, 255 / (2 ** Math.min(depth, 8) - 1)) };
}

/** The pixels' compressed bytes, and a PNG of the chunks that they need alone. */
function chunksOf(png: Uint8Array): { header: Header; packed: Uint8Array; needed: Uint8Array } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: { readonly type: string; readonly whole: Uint8Array; readonly data: Uint8Array }[] = [];
  for (let at = SIGNATURE_BYTES; chunks.at(-1)?.type !== 'IEND'; ) {
    if (at + AROUND_BYTES > png.length) throw new RangeError('the PNG is cut short');
    const end = at + AROUND_BYTES + view.getUint32(at);
    if (end > png.length) throw new RangeError('the PNG is cut short');
    const named = png.subarray(at + 4, end - 4);
    const type = Buffer.from(named.subarray(0, 4)).toString('latin1');
    if (NEEDED.includes(type)) {
      if (crc32(named) !== view.getUint32(end - 4))
        throw new RangeError(`the PNG is damaged: its ${type} has another checksum`);
      chunks.push({ type, whole: png.subarray(at, end), data: named.subarray(4) });
    }
    at = end;
  }
  const [first, ...others] = chunks;
  if (!first || others.some(({ type }) => type === 'IHDR'))
    throw new RangeError('the PNG is damaged: it has two headers');
  return {
    header: headerOf(first.data),
    packed: Buffer.concat(chunks.flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []))),
    needed: Buffer.concat([png.subarray(0, SIGNATURE_BYTES), ...chunks.map(({ whole }) => whole)]),
  };
}

function headerOf(data: Uint8Array): Header {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length !== 13) throw new RangeError('the PNG is damaged: its header has another length');
  const [depth, colour, interlaced] = [view.getUint8(8), view.getUint8(9), view.getUint8(12) === 1];
  const channels = CHANNELS[colour];
  if (!channels || ![1, 2, 4, 8, 16].includes(depth))
    throw new RangeError(`the PNG says colour type ${colour} of ${depth} bits, which there is none of`);
  if (interlaced && depth < 8)
    throw new RangeError(`an interlaced PNG of ${depth} bits is not read; save it without interlace`);
  return { width: view.getUint32(0), height: view.getUint32(4), depth, channels, interlaced };
}

/** @throws RangeError where the pixels unpack to fewer or more bytes than they take */
function requireUnpacked(packed: Uint8Array, header: Header): void {
  const wanted = rawBytes(header);
  try {
    const { length } = inflateSync(packed, { maxOutputLength: wanted + SLACK_BYTES });
    if (length < wanted) throw new RangeError(`it unpacks to ${length} bytes of pixels, not ${wanted}`);
  } catch (cause) {
    const tooMuch = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const why = tooMuch ? `it unpacks to more than its ${wanted} bytes of pixels` : messageOf(cause);
    throw new RangeError(`the PNG is damaged: ${why}`, { cause });
  }
}

/** With the byte that names the filter of each row. */
function rawBytes({ width, height, depth, channels, interlaced }: Header): number {
  const rows = (columns: number, count: number) =>
    columns > 0 && count > 0 ? count * (1 + Math.ceil((columns * channels * depth) / 8)) : 0;
  if (!interlaced) return rows(width, height);
  return PASSES.reduce(
    (sum, [x, y, right, down]) => sum + rows(Math.ceil((width - x) / right), Math.ceil((height - y) / down)),
    0,
  );
}

/** Levels of fewer bits stand in bytes side by side, each row from a byte of its own. @param factor of those levels */
function eightBits(
  data: Uint8Array | Uint8ClampedArray | Uint16Array,
  { width, height, depth }: Header,
  factor: number,
) {
  if (depth === 16) return Uint8Array.from(data, (level) => level >> 8);
  if (depth === 8) return new Uint8Array(data);
  const [each, rowBytes] = [8 / depth, Math.ceil((width * depth) / 8)];
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const byte = data[row * rowBytes + Math.floor(column / each)] as number;
    return ((byte >> (8 - depth * ((column % each) + 1))) & (2 ** depth - 1)) * factor;
  });
}

/** @throws RangeError for a pixel whose colour the palette lacks */
function coloured({ width, height, data }: Omit<Levels, 'channels'>, palette: readonly (readonly number[])[]): Levels {
  const rgb = new Uint8Array(data.length * 3);
  for (const [i, index] of data.entries()) {
    const colour = palette[index];
    if (!colour) throw new RangeError(`the PNG is damaged: its palette has no colour ${index}`);
    rgb.set(colour.slice(0, 3), i * 3);
  }
  return { width, height, channels: 3, data: rgb };
}
