import { Readable } from 'node:stream';
import { StillError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { pngSize } from '../../shared/png-size.ts';
import type { World } from '../store/world.ts';

interface Order {
  readonly image?: Uint8Array | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly strength?: number | undefined;
}

/**
 * Stores the picture that a request begins from, for its device to fetch.
 *
 * @returns what the request then says of it; its size where the request says none
 * @throws StillError `invalid_input`, `too_large` before anything is stored
 */
export async function keepBeginning({ store }: World, order: Order) {
  const refuse = (field: string, message: string): never => {
    throw new StillError('invalid_input', `${field}: ${message}`, { problems: [{ field, message }] });
  };
  const { image, strength } = order;
  if (!image) return strength === undefined ? {} : refuse('strength', 'it needs an image to begin from');
  if (image.length > limits.beginningBytes)
    throw new StillError('too_large', `image: ${image.length} bytes, at most ${limits.beginningBytes} are taken`);
  const own = pngSize(image) ?? refuse('image', 'these bytes do not begin like a PNG');
  const { width = own.width, height = own.height } = order;
  if (own.width !== width || own.height !== height)
    return refuse('image', `it is ${own.width}x${own.height}, and ${width}x${height} was asked for; make them equal`);
  if (Math.max(width, height) > limits.pictureSidePixels)
    return refuse('image', `it is ${width}x${height}; at most ${limits.pictureSidePixels} pixels a side are taken`);
  const { sha256, sizeBytes } = await store.pictures.receive(Readable.from([image]), { maxBytes: image.length });
  return { image: { sha256, sizeBytes }, width, height };
}
