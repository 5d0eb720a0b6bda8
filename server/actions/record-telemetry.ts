import * as events from '../store/events.ts';
import type { TelemetryRow } from '../store/telemetry.ts';
import type { World } from '../store/world.ts';

/** Stores what many devices measured, in one transaction. Telemetry is a sign of life. */
export async function recordTelemetry({ store, clock }: World, rows: readonly TelemetryRow[]): Promise<void> {
  const atMs = clock.now();
  const newest = new Map(rows.map((row) => [row.deviceId, row.sample]));
  await store.write(
    async (tx) => {
      let cameBack = 0;
      store.telemetry.append(rows);
      for (const [deviceId, sample] of newest) {
        const name = store.telemetry.seen(deviceId, sample, atMs);
        if (name === null) continue;
        cameBack++;
        await events.append(tx, { atMs, kind: 'device', subject: name, details: { deviceId, online: true } });
      }
      return cameBack;
    },
    // Nothing but a device that is back changes what the server does next.
    { durable: false, wakes: (cameBack) => cameBack > 0 },
  );
}
