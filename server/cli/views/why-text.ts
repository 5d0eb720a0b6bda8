import pc from 'picocolors';
import type { DeviceWhy } from '../../../shared/http-api.ts';
import { moment } from '../../../shared/units.ts';

/** For each model what runs, and the facts that led there, oldest first. */
export function whyText({ device, models }: DeviceWhy): string {
  if (models.length === 0) return `${device} was never told to run anything.`;
  return models
    .map(({ model, version, variant, because }) => {
      const runs = version === null ? `does not run ${model}` : `runs ${model}@${version} (${variant})`;
      const lines = because.map(({ atMs, what }) => `  ${pc.dim(moment(atMs))}  ${what}`);
      return [`${pc.bold(device)} ${runs}, because`, ...lines].join('\n');
    })
    .join('\n');
}
