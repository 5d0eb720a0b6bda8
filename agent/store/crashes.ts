// When engines ended by themselves, kept over restarts of the agent: a version that kills its engine may kill the agent's
// machine with it.
import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../shared/clock.ts';
import type { VersionPlace } from '../rules/kept-versions.ts';
import { quarantineBounds, quarantineUntil } from '../rules/quarantine.ts';

export interface Quarantine {
  readonly untilMs: number;
  readonly crashes: number;
  /** How the engine ended last. */
  readonly message: string;
}

const MESSAGE_CHARACTERS = 500;

export class Crashes {
  private readonly clock: Clock;
  private readonly onRecord: () => void;
  private readonly select: Statement<[string, string], { at_ms: number; message: string }>;
  private readonly insert: Statement<[string, string, number, string]>;
  private readonly removeOld: Statement<[number]>;
  private readonly remove: Statement<[string, string]>;

  /** @param onRecord called after each change */
  constructor(database: Database, clock: Clock, onRecord: () => void) {
    this.clock = clock;
    this.onRecord = onRecord;
    this.select = database.prepare(
      'SELECT at_ms, message FROM crashes WHERE version_digest = ? AND variant = ? ORDER BY at_ms',
    );
    this.insert = database.prepare('INSERT INTO crashes (version_digest, variant, at_ms, message) VALUES (?, ?, ?, ?)');
    this.removeOld = database.prepare('DELETE FROM crashes WHERE at_ms < ?');
    this.remove = database.prepare('DELETE FROM crashes WHERE version_digest = ? AND variant = ?');
  }

  record({ versionDigest, variant }: VersionPlace, message: string): void {
    const nowMs = this.clock.now();
    this.insert.run(versionDigest, variant, nowMs, message.slice(0, MESSAGE_CHARACTERS));
    this.removeOld.run(nowMs - quarantineBounds.withinMs - quarantineBounds.lastsMs);
    this.onRecord();
  }

  quarantineOf({ versionDigest, variant }: VersionPlace): Quarantine | null {
    const rows = this.select.all(versionDigest, variant);
    const times = rows.map(({ at_ms }) => at_ms);
    const quarantine = quarantineUntil(times, this.clock.now());
    return quarantine && { ...quarantine, message: rows.at(-1)?.message ?? '' };
  }

  /** Somebody wants it tried again: a new installation. */
  forgive({ versionDigest, variant }: VersionPlace): void {
    this.remove.run(versionDigest, variant);
  }
}
