import type { PictureRequest } from '../pipeline.ts';
import type { FlowSettings, Schedule, Scheduler } from '../schedulers/scheduler.ts';
import { type Strength, shareOf } from './picture-latents.ts';

/** @throws RangeError where there is no schedule of so many steps, or none to begin from a picture with */
export function scheduleOf(
  scheduler: Scheduler,
  request: Pick<PictureRequest, 'steps'> & Partial<PictureRequest>,
  { strength, flow }: { readonly strength?: Strength | undefined; readonly flow?: FlowSettings | undefined },
): Schedule {
  if (!request.image || strength?.rounds !== 'shortens') return scheduler.schedule(request.steps, flow);
  if (!scheduler.scheduleFrom)
    throw new RangeError('image: this model begins from a picture with its own scheduler only; take no other');
  return scheduler.scheduleFrom(request.steps, shareOf(strength, request));
}
