import { StillError } from '../../shared/errors.ts';
import type { Labels } from '../../shared/ids.ts';
import { limits } from '../../shared/limits.ts';
import { unreadableWindow } from '../rules/rollout/maintenance-window.ts';
import * as audit from '../store/audit.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import type { World } from '../store/world.ts';

export async function labelDevice(
  { store, clock }: World,
  { name, set, remove, actor }: { name: string; set: Labels; remove: readonly string[]; actor: string },
): Promise<void> {
  const atMs = clock.now();
  await store.write(async (tx) => {
    const device = await devices.inService(tx, name);
    const kept = Object.entries(device.labels).filter(([key]) => !remove.includes(key));
    const labels = { ...Object.fromEntries(kept), ...set };
    if (Object.keys(labels).length > limits.labelsPerDevice)
      throw new StillError('unprocessable', `a device may have ${limits.labelsPerDevice} labels; remove some first`);
    const unreadable = unreadableWindow(set);
    if (unreadable !== null) throw new StillError('invalid_input', unreadable);
    await devices.setLabels(tx, device.deviceId, labels);
    await audit.append(tx, { atMs, actor, action: 'label-device', subject: name, details: { set, remove } });
    await events.append(tx, { atMs, kind: 'device', subject: name, details: { labels } });
  });
}
