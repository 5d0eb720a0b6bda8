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
  private readonly findAway: Statement<[string], { name: string }>;
  private readonly refresh: Statement<[string, number, string]>;
  private readonly comeBack: Statement<[string, number, string]>;

  constructor(sqlite: Database) {
    // A sample that was sent twice stands once.
    this.insert = sqlite.prepare('INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.findAway = sqlite.prepare(
      'SELECT name FROM devices WHERE device_id = ? AND online = 0 AND revoked_ms IS NULL',
    );
    const change = 'UPDATE devices SET telemetry_json = ?, last_seen_ms = ?, online = 1 WHERE device_id = ? AND';
    this.refresh = sqlite.prepare(`${change} online = 1 AND revoked_ms IS NULL`);
    this.comeBack = sqlite.prepare(`${change} revoked_ms IS NULL`);
  }

  /** To be called within a transaction: the statements run on the same connection. */
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

  /** The newest sample of a device, which is a sign of life. @returns its name where it was offline before */
  seen(deviceId: string, newest: TelemetrySample, nowMs: number): string | null {
    const sample = JSON.stringify(newest);
    if (this.refresh.run(sample, nowMs, deviceId).changes > 0) return null;
    const away = this.findAway.get(deviceId);
    this.comeBack.run(sample, nowMs, deviceId);
    return away?.name ?? null;
  }
}

/** Removes a device's raw rows from before `beforeMs`. */
export async function pruneTelemetry(tx: Db, deviceId: string, beforeMs: number): Promise<void> {
  await tx.deleteFrom('telemetry').where('device_id', '=', deviceId).where('at_ms', '<', beforeMs).execute();
}
