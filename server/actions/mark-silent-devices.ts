import { timings } from '../../shared/limits.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import type { World } from '../store/world.ts';

/** A device that sent nothing for so long is offline, whatever its connection says. */
export async function markSilentDevices({ store, clock }: World): Promise<void> {
  const atMs = clock.now();
  const beforeMs = atMs - timings.presenceMs;
  if ((await devices.silentSince(store.db, beforeMs)).length === 0) return;
  await store.write(
    async (tx) => {
      for (const { deviceId, name } of await devices.silentSince(tx, beforeMs)) {
        await devices.update(tx, deviceId, { online: false });
        const details = { deviceId, online: false, reason: 'silent' };
        await events.append(tx, { atMs, kind: 'device', subject: name, details });
      }
    },
    { durable: false },
  );
}
