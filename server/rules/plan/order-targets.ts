// In which order a rollout goes through its devices.
import { createHash } from 'node:crypto';
import type { Selectable, Selector } from '../../../shared/targets.ts';

/**
 * The order in which a rollout goes through its devices. Names come as they were written. Otherwise those within reach
 * first, so that the first wave is not spent on a board in a drawer, and within that an order that is stable for one
 * version and different for the next one, so that it is not always the same board that goes first.
 */
export function orderTargets<D extends Selectable & { readonly deviceId: string; readonly online: boolean }>(
  selector: Selector,
  devices: readonly D[],
  seed: string,
): D[] {
  if (selector.kind === 'names')
    return devices.toSorted((a, b) => selector.names.indexOf(a.name) - selector.names.indexOf(b.name));
  const key = new Map(devices.map((device) => [device, placeOf(seed, device.deviceId)]));
  return devices.toSorted(
    (a, b) => Number(b.online) - Number(a.online) || ((key.get(a) ?? '') < (key.get(b) ?? '') ? -1 : 1),
  );
}

const placeOf = (seed: string, deviceId: string) => createHash('sha256').update(`${seed} ${deviceId}`).digest('hex');
