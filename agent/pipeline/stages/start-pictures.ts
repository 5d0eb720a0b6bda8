// What every pipeline of latents has in hand before its first step.
import { seedsFrom } from '../../../shared/picture-series.ts';
import { type NoiseSource, noiseSource } from '../noise.ts';
import type { PictureRequest, PipelineHost } from '../pipeline.ts';
import type { Denoising } from './denoise.ts';
import { type Filling, fillMask } from './fill-mask.ts';
import type { PictureReader } from './picture-latents.ts';
import { joined, pieces } from './tensors.ts';
import type { Unet } from './unet.ts';
import type { VaeDecoder } from './vae-decoder.ts';

interface Parts {
  readonly pictures: PictureReader;
  readonly vae: VaeDecoder;
  readonly unet?: Unet;
}

export interface Start extends Pick<Denoising, 'from' | 'look'>, Partial<Filling> {
  readonly noise: NoiseSource;
}

/**
 * The seeds' noise, the picture to begin from where there is one, and how to look at a sample where somebody wants to. Each picture
 * of a batch draws from its own seed in the order that it would alone; the reference, given a generator for each, does so too.
 */
export async function startPictures(parts: Parts, request: PictureRequest, host: PipelineHost): Promise<Start> {
  const [first, ...others] = seedsFrom(request.seed, request.batch ?? 1);
  const starts: [Start, ...Start[]] = [await startPicture(parts, { ...request, seed: first as number }, host)];
  for (const seed of others) starts.push(await startPicture(parts, { ...request, seed }, host));
  return starts.length === 1 ? starts[0] : together(starts);
}

async function startPicture(
  { pictures, vae, unet }: Parts,
  request: PictureRequest,
  host: PipelineHost,
): Promise<Start> {
  const noise = noiseSource(request.seed);
  if (unet && (request.mask || unet.fills)) {
    const filling = await fillMask({ pictures, vae, unet }, request, noise, host);
    return { noise, ...filling, look: request.previews ? await vae.look(request) : null };
  }
  // A picture is drawn from its distribution with the first of the noise: the reference's order.
  const from = await pictures.begin(request, noise, host);
  return { noise, from, look: request.previews ? await vae.look(request) : null };
}

/** One picture's values after another's; the first is the one that is looked at. */
function together(starts: readonly [Start, ...Start[]]): Start {
  const [{ from, keep, first, beside, look }] = starts;
  const all = (of: (start: Start) => Float32Array | undefined) => joined(starts.flatMap((start) => of(start) ?? []));
  return {
    noise: { randn: (count) => joined(starts.map(({ noise }) => noise.randn(count))) },
    from: from && { ...from, latents: all((start) => start.from?.latents) },
    keep: keep && { latents: all((start) => start.keep?.latents), mask: all((start) => start.keep?.mask) },
    ...(first && { first: all((start) => start.first) }),
    ...(beside && { beside: all((start) => start.beside) }),
    look: look && ((sample) => look(pieces(sample, starts.length)[0] as Float32Array)),
  };
}
