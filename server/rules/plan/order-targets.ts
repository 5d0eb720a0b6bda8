// Whom a rollout takes, and in which order it goes through them.
import { createHash } from 'node:crypto';
import { matches, type Selectable, type Selector } from '../../../shared/targets.ts';

/**
 * Names come as they were written. Otherwise those within reach first, so that the first wave is not spent on a board in a
 * drawer, and within that an order that is stable for one version and different for the next one, so that it is not
 * always the same board that goes first. A share takes the first of them, rounded up.
 */
export function orderTargets<D extends Selectable & { readonly deviceId: string; readonly online: boolean }>(
  { selector, percent }: { readonly selector: Selector; readonly percent: number | null },
  devices: readonly D[],
  seed: string,
): D[] {
  const matching = devices.filter((device) => matches(selector, device));
  const ordered =
    selector.kind === 'names'
      ? matching.toSorted((a, b) => selector.names.indexOf(a.name) - selector.names.indexOf(b.name))
      : inReachFirst(matching, seed);
  return percent === null ? ordered : ordered.slice(0, Math.ceil((ordered.length * percent) / 100 - 1e-9));
}

function inReachFirst<D extends { readonly deviceId: string; readonly online: boolean }>(
  devices: readonly D[],
  seed: string,
): D[] {
  const key = new Map(devices.map((device) => [device, placeOf(seed, device.deviceId)]));
  return devices.toSorted(
    (a, b) => Number(b.online) - Number(a.online) || ((key.get(a) ?? '') < (key.get(b) ?? '') ? -1 : 1),
  );
}

const placeOf = (seed: string, deviceId: string) => createHash('sha256').update(`${seed} ${deviceId}`).digest('hex');
