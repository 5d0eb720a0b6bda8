import type { Inventory } from '../../../shared/inventory.ts';
import { matches, type Selectable, type Selector } from '../../../shared/targets.ts';
import { windowState } from '../rollout/maintenance-window.ts';

/** Devices that match and are not among those already taken; one whose inventory is unknown is not chosen for yet. */
export const newcomers = <D extends Selectable & { readonly deviceId: string; readonly inventory: Inventory | null }>(
  selector: Selector,
  fleet: readonly D[],
  taken: ReadonlySet<string>,
): D[] =>
  fleet.filter(
    (device) =>
      !taken.has(device.deviceId) &&
      device.inventory !== null &&
      matches(selector, device) &&
      windowState(device.labels, 0).kind !== 'unreadable',
  );
