import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import type { TelemetryRow } from '../store/telemetry.ts';
import type { World } from '../store/world.ts';

/** Stores what many devices measured, in one transaction. Telemetry is a sign of life. */
export async function recordTelemetry({ store, clock }: World, rows: readonly TelemetryRow[]): Promise<void> {
  const nowMs = clock.now();
  const newest = new Map(rows.map((row) => [row.deviceId, row.sample]));
  await store.write(
    async (tx) => {
      store.telemetry.append(rows);
      for (const [deviceId, sample] of newest) {
        const known = await devices.presence(tx, deviceId);
        if (!known || known.revoked) continue;
        await devices.update(tx, deviceId, { telemetry: sample, lastSeenMs: nowMs, online: true });
        if (!known.online)
          await events.append(tx, {
            atMs: nowMs,
            kind: 'device',
            subject: known.name,
            details: { deviceId, online: true },
          });
      }
    },
    { durable: false },
  );
}
