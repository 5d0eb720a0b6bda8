import type { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import type { RolloutPlan, StartRolloutBody } from '../../shared/http-api.ts';
import { planRollout as plan, readRequest } from '../rules/plan/plan-rollout.ts';
import * as benchRuns from '../store/bench-runs.ts';
import * as devices from '../store/devices.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';

/** What the rollout would do; nothing is changed. A device without a variant that fits is shown with the reason. */
export async function planRollout(
  { store }: World,
  request: z.infer<typeof StartRolloutBody>,
): Promise<z.infer<typeof RolloutPlan>> {
  const read = readRequest(request);
  if (read.kind === 'unreadable')
    throw new StillError('invalid_input', 'the rollout cannot be read', { problems: read.problems });
  const { model, version, to, variant } = request;
  const published = await versions.find(store.db, model, version);
  if (!published) throw new StillError('not_found', `${model}@${version} is not published`);
  const { manifest, versionDigest } = published;
  const planned = plan(read, {
    ...{ to, manifest, versionDigest, variant },
    devices: await devices.list(store.db),
    evidence: await benchRuns.evidenceByClass(store.db, versionDigest),
  });
  if (planned.kind === 'refused')
    throw new StillError('unprocessable', planned.message, { problems: [{ ...planned }] });
  return {
    model,
    version,
    devices: planned.targets.map(({ device, wave, bytes, predictedPeakBytes, ...choice }) => ({
      device: device.name,
      deviceClass: device.deviceClass,
      memoryBytes: device.inventory?.memoryBytes ?? null,
      variant: choice.variant,
      why: choice.why,
      ...{ wave, bytes, predictedPeakBytes },
    })),
  };
}
