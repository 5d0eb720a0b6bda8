import type { z } from 'zod';
import type { RolloutPlan, StartRolloutBody } from '../../shared/http-api.ts';
import type { World } from '../store/world.ts';
import { drawPlan } from './rollout-steps/draw-plan.ts';

/** What the rollout would do; nothing is changed. A device without a variant that fits is shown with the reason. */
export async function planRollout(
  { store, clock }: World,
  request: z.infer<typeof StartRolloutBody>,
): Promise<z.infer<typeof RolloutPlan>> {
  const { model, version } = request;
  const plan = await drawPlan(store.db, request, clock.now());
  return {
    ...{ model, version },
    conflicts: plan.conflicts.map(({ rolloutId, message, remedy }) => ({
      rolloutId,
      message,
      takenOver: remedy !== null,
    })),
    devices: plan.targets.map(({ device, wave, bytes, predictedPeakBytes, variant, why }) => ({
      device: device.name,
      deviceClass: device.deviceClass,
      memoryBytes: device.inventory?.memoryBytes ?? null,
      ...{ variant, why, wave, bytes, predictedPeakBytes },
    })),
  };
}
