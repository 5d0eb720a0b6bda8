// What every pipeline of latents refuses before it begins.
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { EngineFault } from '../fault.ts';
import type { Schedulers } from '../load-scheduler.ts';
import type { PictureDefaults, PictureRequest } from '../pipeline.ts';
import type { FlowSettings } from '../schedulers/scheduler.ts';

export interface Bounds {
  readonly schedulers: Schedulers;
  /** Both sides must be multiples of it. */
  readonly multiple: number;
  /** Whether the decoder can work in tiles. */
  readonly tiles: boolean;
  readonly flow?: FlowSettings;
  /** Why a negative prompt has no effect here, where it has none. */
  readonly refusesNegative?: string;
}

/** @throws EngineFault that says what is possible */
export function checkRequest(request: PictureDefaults & Partial<PictureRequest>, bounds: Bounds): void {
  const { steps, width, height, guidanceScale } = request;
  if (!Number.isInteger(steps) || steps < 1 || steps > limits.steps)
    throw new EngineFault('steps_not_supported', `steps: ${steps} is not possible; expected 1 to ${limits.steps}`);
  for (const side of [width, height]) {
    const fits = Number.isInteger(side) && side >= bounds.multiple && side <= limits.pictureSidePixels;
    if (fits && side % bounds.multiple === 0) continue;
    throw new EngineFault(
      'size_not_supported',
      `size: ${width}x${height} is not possible; both sides must be multiples of ${bounds.multiple}, up to ${limits.pictureSidePixels}`,
    );
  }
  if (!(guidanceScale >= 0))
    throw new EngineFault('invalid_request', `guidanceScale: ${guidanceScale} is no number from 0 up`);
  if (request.negativePrompt !== undefined && bounds.refusesNegative)
    throw new EngineFault('invalid_request', `negativePrompt: ${bounds.refusesNegative}`);
  if (request.tiled && !bounds.tiles)
    throw new EngineFault(
      'invalid_request',
      "tiled: this folder's decoder is none that works in tiles (a small one, or sample_size fits no tile)",
    );
  const scheduler = bounds.schedulers.choose(request.scheduler);
  try {
    scheduler.schedule(steps, bounds.flow);
  } catch (cause) {
    throw new EngineFault('steps_not_supported', messageOf(cause), { cause });
  }
}
