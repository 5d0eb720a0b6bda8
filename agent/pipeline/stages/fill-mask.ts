// A part of a picture is painted anew, the rest stays (`StableDiffusionInpaintPipeline`). A model made for it reads the mask and
// what stays beside its sample; with any other what stays is put back after every step.
import { messageOf } from '../../../shared/errors.ts';
import { EngineFault } from '../fault.ts';
import type { NoiseSource } from '../noise.ts';
import type { PictureRequest, PipelineHost } from '../pipeline.ts';
import { decodeMask } from '../read-png.ts';
import type { Denoising } from './denoise.ts';
import { firstStep, type PictureReader, readPicture, shareOf } from './picture-latents.ts';
import { joined } from './tensors.ts';
import type { Planes } from './tiles.ts';
import type { Unet } from './unet.ts';
import type { VaeDecoder } from './vae-decoder.ts';

export interface Filling extends Pick<Denoising, 'from' | 'keep'> {
  readonly first: Float32Array;
  /** Mask and latents of what stays, for a model that reads them. */
  readonly beside?: Float32Array;
}

interface Parts {
  readonly pictures: PictureReader;
  readonly vae: VaeDecoder;
  readonly unet: Unet;
}

/** Draws in the reference's order: the picture, the noise, what stays of the picture. */
export async function fillMask(
  { pictures, vae, unet }: Parts,
  request: PictureRequest,
  noise: NoiseSource,
  host: PipelineHost,
): Promise<Filling> {
  const { width, height, tiled } = request;
  // A model made for masks that is given none fills all of the picture.
  const picture = request.image ? readPicture(request.image) : blank(width, height);
  const mask = request.mask ? readMask(request.mask) : new Uint8Array(width * height).fill(1);
  const share = request.image ? shareOf(pictures.strength, { ...request, mask }) : 1;
  const begins = share < 1;
  let drawn = 0;
  const counted: NoiseSource = {
    randn(count) {
      drawn += count;
      return noise.randn(count);
    },
  };
  const latents = begins || !unet.fills ? await pictures.encode(picture, { noise: counted, tiled }, host) : null;
  const first = noise.randn((vae.channels * width * height) / vae.scale ** 2);
  const latentMask = shrink(mask, width, vae.scale);
  const begun = {
    first,
    from: begins && latents ? { latents, step: firstStep(request.steps, share, pictures.strength.rounds) } : undefined,
  };
  if (unet.fills) {
    const stays = await pictures.encode(maskedOut(picture, mask), { noise, tiled }, host);
    return { ...begun, beside: joined([latentMask, stays]) };
  }
  // The reference reads what stays here, too; only the noise shows it.
  noise.randn(drawn);
  const points = latentMask.length;
  return {
    ...begun,
    keep: latents ? { latents, mask: latents.map((_, i) => latentMask[i % points] as number) } : undefined,
  };
}

const blank = (width: number, height: number): Planes => ({
  data: new Float32Array(3 * width * height),
  width,
  height,
});

/** What is painted anew becomes the middle grey. */
export function maskedOut({ data, width, height }: Planes, mask: Uint8Array): Planes {
  return { data: data.map((value, i) => (mask[i % mask.length] ? 0 : value)), width, height };
}

/** One value a latent: that of its first pixel, as torch's nearest interpolation takes it. */
export function shrink(mask: Uint8Array, width: number, scale: number): Uint8Array {
  const [columns, rows] = [width / scale, mask.length / width / scale];
  return Uint8Array.from({ length: columns * rows }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return mask[row * scale * width + column * scale] as number;
  });
}

function readMask(png: Uint8Array): Uint8Array {
  try {
    return decodeMask(png);
  } catch (cause) {
    throw new EngineFault('invalid_request', `mask: ${messageOf(cause)}`, { cause });
  }
}
