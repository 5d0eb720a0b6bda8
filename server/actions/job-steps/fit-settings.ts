import { StillError } from '../../../shared/errors.ts';
import type { BenchSettings, Fit, FitTarget } from '../../../shared/fit.ts';
import { chooseFit } from '../../rules/choose-fit.ts';
import type { Db } from '../../store/database.ts';
import type { Device } from '../../store/devices.ts';
import { fitMeasurements } from '../../store/fit-measurements.ts';
import * as versions from '../../store/versions.ts';

/**
 * Size and steps that meet the target, by what the device measured of the variant.
 *
 * @throws StillError `unprocessable` with the numbers where nothing does
 */
export async function fitSettings(
  tx: Db,
  order: {
    readonly device: Device;
    readonly versionDigest: string;
    readonly variant: string;
    readonly target: FitTarget;
    /** What the request chose itself. */
    readonly fixed: BenchSettings;
  },
): Promise<{ settings: Required<BenchSettings>; fit: Fit }> {
  const { device, versionDigest, variant, target, fixed } = order;
  const published = await versions.byDigest(tx, versionDigest);
  const usual = published?.manifest.variants.find(({ name }) => name === variant);
  if (!published || !usual) throw new StillError('not_found', `no published version ${versionDigest} (${variant})`);
  const measured = await fitMeasurements(tx, { deviceId: device.deviceId, versionDigest, variant });
  const choice = chooseFit(measured, target, { usualSteps: usual.steps, ...fixed });
  const { model, version } = published;
  if (choice.kind === 'none')
    throw new StillError('unprocessable', `nothing of ${model}@${version} fits on ${device.name}: ${choice.message}`);
  const { steps, width, height, expectedLatencyMs, expectedPeakBytes, measurements } = choice;
  return { settings: { steps, width, height }, fit: { target, expectedLatencyMs, expectedPeakBytes, measurements } };
}
