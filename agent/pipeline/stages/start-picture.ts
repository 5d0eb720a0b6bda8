// What every pipeline of latents has in hand before its first step.
import { type NoiseSource, noiseSource } from '../noise.ts';
import type { PictureRequest, PipelineHost } from '../pipeline.ts';
import type { Denoising } from './denoise.ts';
import { type Filling, fillMask } from './fill-mask.ts';
import type { PictureReader } from './picture-latents.ts';
import type { Unet } from './unet.ts';
import type { VaeDecoder } from './vae-decoder.ts';

export interface Start extends Pick<Denoising, 'from' | 'look'>, Partial<Filling> {
  readonly noise: NoiseSource;
}

/** The seed's noise, the picture to begin from where there is one, and how to look at a sample where somebody wants to. */
export async function startPicture(
  parts: { readonly pictures: PictureReader; readonly vae: VaeDecoder; readonly unet?: Unet },
  request: PictureRequest,
  host: PipelineHost,
): Promise<Start> {
  const { pictures, vae, unet } = parts;
  const noise = noiseSource(request.seed);
  if (unet && (request.mask || unet.fills)) {
    const filling = await fillMask({ pictures, vae, unet }, request, noise, host);
    return { noise, ...filling, look: request.previews ? await vae.look(request) : null };
  }
  // A picture is drawn from its distribution with the first of the noise: the reference's order.
  const from = await pictures.begin(request, noise, host);
  return { noise, from, look: request.previews ? await vae.look(request) : null };
}
