import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import { pruneTelemetry } from '../store/telemetry.ts';
import type { World } from '../store/world.ts';

const EVENTS_KEPT = 20_000;
const TELEMETRY_KEPT_MS = 7 * 24 * 3600_000;

/** What is kept for a while only: events for those who reconnect, raw telemetry. */
export async function pruneStore({ store, clock }: World): Promise<void> {
  const beforeMs = clock.now() - TELEMETRY_KEPT_MS;
  await store.write(
    async (tx) => {
      await events.prune(tx, EVENTS_KEPT);
      for (const { deviceId } of await devices.list(tx)) await pruneTelemetry(tx, deviceId, beforeMs);
    },
    { durable: false },
  );
}
