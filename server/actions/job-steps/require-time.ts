import { StillError } from '../../../shared/errors.ts';
import { timings } from '../../../shared/limits.ts';
import type { PictureRequest, RunningModel } from '../../../shared/messages.ts';
import { timeFault } from '../../rules/time-needed.ts';
import type { Db } from '../../store/database.ts';
import type { Device } from '../../store/devices.ts';
import { fitMeasurements } from '../../store/fit-measurements.ts';
import * as versions from '../../store/versions.ts';

/**
 * A picture of more work than the usual one, or with less time, or a bench of such pictures, is refused where the device would
 * still be at it when its time is over: hours of a device's work would bring nothing.
 *
 * @throws StillError `unprocessable` with the numbers
 */
export async function requireTime(
  tx: Db,
  order: {
    readonly device: Device;
    readonly runs: Pick<RunningModel, 'versionDigest' | 'variant'>;
    readonly request: Pick<PictureRequest, 'width' | 'height' | 'steps' | 'image' | 'allowCached'>;
    /** How many of it, one after the other. */
    readonly pictures?: number;
    readonly timeoutMs: number;
  },
): Promise<void> {
  const { device, runs, request, pictures = 1, timeoutMs } = order;
  if (request.allowCached) return;
  const { versionDigest, variant } = runs;
  const published = await versions.byDigest(tx, versionDigest);
  const usual = published?.manifest.variants.find(({ name }) => name === variant);
  if (!published || !usual) return;
  const { width = usual.resolution.width, height = usual.resolution.height, steps = usual.steps } = request;
  const isUsual = width * height * steps <= usual.resolution.width * usual.resolution.height * usual.steps;
  if (isUsual && timeoutMs >= timings.pictureDeadlineMs) return;
  const measured = await fitMeasurements(tx, { deviceId: device.deviceId, versionDigest, variant });
  // One that begins from a picture leaves steps out, how many its pipeline says.
  const fault = timeFault(measured, { width, height, steps: request.image ? 1 : steps, pictures, timeoutMs });
  if (fault)
    throw new StillError('unprocessable', `${published.model}@${published.version} on ${device.name}: ${fault}`);
}
