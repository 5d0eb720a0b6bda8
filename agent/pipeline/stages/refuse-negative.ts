import { EngineFault } from '../fault.ts';
import type { PictureRequest } from '../pipeline.ts';

/** For a model that guidance is distilled into. @throws EngineFault `invalid_request` */
export function refuseNegative({ negativePrompt }: Partial<PictureRequest>): void {
  if (negativePrompt === undefined) return;
  const why = 'guidance is distilled into this model, so there is nothing to guide away from; leave it out';
  throw new EngineFault('invalid_request', `negativePrompt: ${why}`);
}
