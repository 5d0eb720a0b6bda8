// What every pipeline of latents refuses before it begins.
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { pngSize } from '../../../shared/png-size.ts';
import { EngineFault } from '../fault.ts';
import type { Schedulers } from '../load-scheduler.ts';
import type { PictureDefaults, PictureRequest } from '../pipeline.ts';
import type { FlowSettings } from '../schedulers/scheduler.ts';
import { checkBatch } from './batch.ts';
import { firstStep, type PictureReader, shareOf } from './picture-latents.ts';
import { refuseNegative } from './refuse-negative.ts';
import { scheduleOf } from './schedule-of.ts';

export interface Bounds {
  readonly schedulers: Schedulers;
  /** Both sides must be multiples of it. */
  readonly multiple: number;
  /** The longest side that the model knows positions for, where it has a table of them. */
  readonly longestSide?: number;
  /** Whether the decoder can work in tiles. */
  readonly tiles: boolean;
  /** Where it can begin from a picture: whether the folder has what reads it, and how many steps it would leave out. */
  readonly image: Pick<PictureReader, 'there' | 'strength'> | null;
  /** The model was made to fill masks, so that it always reads one. */
  readonly fills?: boolean;
  /** The denoiser's graph takes whole timesteps only. */
  readonly wholeTimesteps?: boolean;
  /** How many pictures the denoiser takes at a time; null for any number. */
  readonly fixedBatch: number | null;
  readonly flow?: FlowSettings;
  /** Guidance is distilled into the model, so that a negative prompt has no effect. */
  readonly distilledGuidance?: boolean;
}

/** @throws EngineFault that says what is possible */
export function checkRequest(request: PictureDefaults & Partial<PictureRequest>, bounds: Bounds): void {
  const { steps, width, height, guidanceScale } = request;
  for (const name of ['prompt', 'negativePrompt'] as const) {
    const characters = request[name]?.length ?? 0;
    const most = limits.promptCharacters;
    if (characters > most)
      throw new EngineFault(
        'prompt_too_long',
        `${name}: ${characters} characters, at most ${most} are read; shorten it`,
      );
  }
  if (!Number.isInteger(steps) || steps < 1 || steps > limits.steps)
    throw new EngineFault('steps_not_supported', `steps: ${steps} is not possible; expected 1 to ${limits.steps}`);
  const longest = Math.min(limits.pictureSidePixels, bounds.longestSide ?? Infinity);
  for (const side of [width, height]) {
    const fits = Number.isInteger(side) && side >= bounds.multiple && side <= longest;
    if (fits && side % bounds.multiple === 0) continue;
    throw new EngineFault(
      'size_not_supported',
      `size: ${width}x${height} is not possible; both sides must be multiples of ${bounds.multiple}, up to ${longest}`,
    );
  }
  if (!(guidanceScale >= 0))
    throw new EngineFault('invalid_request', `guidanceScale: ${guidanceScale} is no number from 0 up`);
  if (bounds.distilledGuidance) refuseNegative(request);
  if (request.tiled && !bounds.tiles)
    throw new EngineFault(
      'invalid_request',
      "tiled: this folder's decoder is none that works in tiles (a small one, or sample_size fits no tile)",
    );
  checkBatch(request, bounds.fixedBatch);
  const fault = maskFault(request, bounds) ?? imageFault(request, bounds);
  if (fault !== null) throw new EngineFault('invalid_request', fault);
  const scheduler = bounds.schedulers.choose(request.scheduler);
  try {
    const { noisy, timesteps } = scheduleOf(scheduler, request, {
      strength: bounds.image?.strength,
      flow: bounds.flow,
    });
    const between = bounds.wholeTimesteps ? timesteps.find((timestep) => !Number.isInteger(timestep)) : undefined;
    if (between !== undefined)
      throw new RangeError(
        `steps: the denoiser's graph was exported for whole timesteps, and this scheduler comes to ${between}; take another, ` +
          'set timestep_spacing to trailing, or export the graph with a timestep of float32',
      );
    if (request.image && !noisy)
      throw new RangeError('image: this scheduler cannot begin from a picture, take another');
  } catch (cause) {
    throw new EngineFault('steps_not_supported', messageOf(cause), { cause });
  }
}

/** What is wrong with the mask, or null. */
function maskFault(
  { mask, image, width, height }: PictureDefaults & Partial<PictureRequest>,
  { image: bounds, fills }: Bounds,
): string | null {
  if (mask === undefined)
    return fills && image ? 'mask: this model fills masks and begins from no picture without; add one' : null;
  if (bounds?.strength.filling === undefined) return 'mask: this pipeline fills none; leave it out';
  if (!image) return 'mask: it needs an image, of which it says what to paint anew';
  const size = pngSize(mask);
  if (!size) return 'mask: these bytes do not begin like a PNG';
  if (size.width === width && size.height === height) return null;
  return `mask: it is ${size.width}x${size.height}, and the image ${width}x${height}; make them equal`;
}

/** What is wrong with the picture to begin from, or null. */
function imageFault(
  { image, mask, strength, steps, width, height }: PictureDefaults & Partial<PictureRequest>,
  { image: bounds }: Bounds,
): string | null {
  if (image === undefined) return strength === undefined ? null : 'strength: it needs an image to begin from';
  if (!bounds) return 'image: this pipeline begins from noise only; leave it out';
  if (!bounds.there) return 'image: this folder has no vae_encoder to read it with; export it with one';
  const size = pngSize(image);
  if (!size) return 'image: these bytes do not begin like a PNG';
  if (size.width !== width || size.height !== height)
    return `image: it is ${size.width}x${size.height}, and ${width}x${height} was asked for; make them equal`;
  const share = shareOf(bounds.strength, { mask, strength });
  if (!(share > 0 && share <= 1)) return `strength: ${share} is not over 0 and up to 1`;
  return firstStep(steps, share, bounds.strength.rounds) < steps
    ? null
    : `strength: ${share} of ${steps} steps leaves none to take; ask for more of either`;
}
