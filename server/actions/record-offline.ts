import type { Offline } from '../../shared/messages.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import type { World } from '../store/world.ts';

/** The last will, or an orderly good-bye. One of an earlier start of the agent comes too late to matter. */
export async function recordOffline(
  { store, clock }: World,
  { deviceId, offline }: { deviceId: string; offline: Offline },
): Promise<void> {
  const atMs = clock.now();
  await store.write(
    async (tx) => {
      const known = await devices.presence(tx, deviceId);
      if (!known?.online || known.revoked || known.bootId !== offline.bootId) return;
      await devices.update(tx, deviceId, { online: false, lastSeenMs: atMs });
      const details = { deviceId, online: false, reason: offline.reason };
      await events.append(tx, { atMs, kind: 'device', subject: known.name, details });
    },
    { durable: false },
  );
}
