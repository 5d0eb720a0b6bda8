// Raw telemetry rows. Prepared by hand: at fleet size this is the table that is written most.
import type { Database, Statement } from 'better-sqlite3';
import type { TelemetrySample } from '../../shared/messages.ts';
import type { Db } from './database.ts';

export interface TelemetryRow {
  readonly deviceId: string;
  readonly sample: TelemetrySample;
}

export class TelemetryRows {
  private readonly insert: Statement<unknown[]>;

  constructor(sqlite: Database) {
    // A sample that was sent twice stands once.
    this.insert = sqlite.prepare<unknown[]>('INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  }

  /** To be called within a transaction: the statement runs on the same connection. */
  append(rows: readonly TelemetryRow[]): void {
    for (const { deviceId, sample } of rows)
      this.insert.run(
        deviceId,
        sample.atMs,
        sample.agentRssBytes,
        sample.engineRssBytes,
        sample.memoryAvailableBytes,
        sample.diskFreeBytes,
        sample.load1,
        sample.temperatureCelsius,
        sample.throttledFlags,
      );
  }
}

/** Removes a device's raw rows from before `beforeMs`. */
export async function pruneTelemetry(tx: Db, deviceId: string, beforeMs: number): Promise<void> {
  await tx.deleteFrom('telemetry').where('device_id', '=', deviceId).where('at_ms', '<', beforeMs).execute();
}
