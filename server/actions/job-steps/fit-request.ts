import type { FitTarget } from '../../../shared/fit.ts';
import type { PictureRequest } from '../../../shared/messages.ts';
import type { Db } from '../../store/database.ts';
import type * as devices from '../../store/devices.ts';
import { fitSettings } from './fit-settings.ts';
import { runsNothing } from './runs-nothing.ts';
import { wouldRun } from './would-run.ts';

/** The version is named from here on: another one would need other settings. */
export async function fitRequest(
  tx: Db,
  device: devices.Device,
  { asked, target }: { asked: PictureRequest; target: FitTarget },
): Promise<PictureRequest> {
  const runs = wouldRun(device.running, asked);
  if (!runs) throw await runsNothing(tx, asked, { who: device.name, runs: device.running });
  const { model, version, variant, versionDigest } = runs;
  const { steps, width, height } = asked;
  const { settings, fit } = await fitSettings(tx, {
    device,
    versionDigest,
    variant,
    target,
    fixed: { steps, width, height },
  });
  return { ...asked, ...settings, model, version, variant, fit };
}
