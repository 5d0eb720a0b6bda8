import { Readable } from 'node:stream';
import { StillError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { pngSize } from '../../shared/png-size.ts';
import type { World } from '../store/world.ts';

interface Order {
  readonly image?: Uint8Array | undefined;
  readonly mask?: Uint8Array | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly strength?: number | undefined;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Stores the picture that a request begins from, and its mask, for its device to fetch.
 *
 * @returns what the request then says of it; its size where the request says none
 * @throws StillError `invalid_input`, `too_large` before anything is stored
 */
export async function keepBeginning({ store }: World, order: Order) {
  const { image, mask, strength } = order;
  if (!image && mask) return refuse('mask', 'it needs an image, of which it says what to paint anew');
  if (!image) return strength === undefined ? {} : refuse('strength', 'it needs an image to begin from');
  const own = sizeOf('image', image, limits.beginningBytes);
  const { width = own.width, height = own.height } = order;
  if (own.width !== width || own.height !== height)
    return refuse('image', `it is ${own.width}x${own.height}, and ${width}x${height} was asked for; make them equal`);
  if (Math.max(width, height) > limits.pictureSidePixels)
    return refuse('image', `it is ${width}x${height}; at most ${limits.pictureSidePixels} pixels a side are taken`);
  if (mask) requireSame(sizeOf('mask', mask, limits.maskBytes), own);
  const keep = async (png: Uint8Array) => {
    const { sha256, sizeBytes } = await store.pictures.receive(Readable.from([png]), { maxBytes: png.length });
    return { sha256, sizeBytes };
  };
  return { image: await keep(image), ...(mask && { mask: await keep(mask) }), width, height };
}

function sizeOf(field: string, png: Uint8Array, mostBytes: number): Size {
  if (png.length > mostBytes)
    throw new StillError('too_large', `${field}: ${png.length} bytes, at most ${mostBytes} are taken`);
  return pngSize(png) ?? refuse(field, 'these bytes do not begin like a PNG');
}

function requireSame(mask: Size, image: Size): void {
  if (mask.width !== image.width || mask.height !== image.height)
    refuse('mask', `it is ${mask.width}x${mask.height}, and the image ${image.width}x${image.height}; make them equal`);
}

function refuse(field: string, message: string): never {
  throw new StillError('invalid_input', `${field}: ${message}`, { problems: [{ field, message }] });
}
