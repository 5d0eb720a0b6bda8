import { timings } from '../../shared/limits.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import type { World } from '../store/world.ts';

/**
 * A device that sent nothing for so long is offline, whatever its connection says.
 *
 * @returns when the next one would be, UTC milliseconds; null when none is online
 */
export async function markSilentDevices({ store, clock }: World): Promise<number | null> {
  const atMs = clock.now();
  const beforeMs = atMs - timings.presenceMs;
  const next = await devices.longestUnheard(store.db);
  if (next === null || next >= beforeMs) return next === null ? null : next + timings.presenceMs + 1;
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
  // Its own commit makes the tick look again.
  return null;
}
