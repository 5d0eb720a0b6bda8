// When engines ended by themselves or hung, kept over restarts of the agent: a version that kills its engine may kill the agent's
// machine with it.
import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../shared/clock.ts';
import type { VersionPlace } from '../rules/kept-versions.ts';
import { quarantineBounds, quarantineUntil } from '../rules/quarantine.ts';

export interface Quarantine {
  readonly untilMs: number;
  readonly crashes: number;
  /** How the engine failed last. */
  readonly message: string;
}

interface Crash extends VersionPlace {
  readonly atMs: number;
  readonly message: string;
}

const MESSAGE_CHARACTERS = 500;
/** More than a quarantine needs, of every version that a device has. */
const UNWRITTEN_AT_MOST = 100;

export class Crashes {
  private readonly database: Database;
  private readonly clock: Clock;
  /** Noted and not yet on the disk, which may be full; they count all the same. */
  private unwritten: Crash[] = [];
  private readonly onRecord: () => void;
  private readonly select: Statement<[string, string], { at_ms: number; message: string }>;
  private readonly insert: Statement<[string, string, number, string]>;
  private readonly removeOld: Statement<[number]>;
  private readonly remove: Statement<[string, string]>;

  /** @param onRecord called in the transaction of each change */
  constructor(database: Database, clock: Clock, onRecord: () => void) {
    this.database = database;
    this.clock = clock;
    this.onRecord = onRecord;
    this.select = database.prepare(
      'SELECT at_ms, message FROM crashes WHERE version_digest = ? AND variant = ? ORDER BY at_ms',
    );
    this.insert = database.prepare('INSERT INTO crashes (version_digest, variant, at_ms, message) VALUES (?, ?, ?, ?)');
    this.removeOld = database.prepare('DELETE FROM crashes WHERE at_ms < ?');
    this.remove = database.prepare('DELETE FROM crashes WHERE version_digest = ? AND variant = ?');
  }

  /** Counts from now on; it cannot fail, for it is called where an engine ends. The loop writes it down. */
  note({ versionDigest, variant }: VersionPlace, message: string): void {
    const crash = { versionDigest, variant, atMs: this.clock.now(), message: message.slice(0, MESSAGE_CHARACTERS) };
    this.unwritten = [...this.unwritten, crash].slice(-UNWRITTEN_AT_MOST);
  }

  /** Writes down what was noted, and the report of it. @throws what SQLite throws, on a full disk say; then it is still owed */
  write(): void {
    if (this.unwritten.length === 0) return;
    const owed = this.unwritten;
    try {
      this.database.transaction(() => {
        for (const { versionDigest, variant, atMs, message } of owed)
          this.insert.run(versionDigest, variant, atMs, message);
        this.removeOld.run(this.clock.now() - quarantineBounds.withinMs - quarantineBounds.lastsMs);
        // The report counts what is written and what is not: each crash is one of the two.
        this.unwritten = [];
        this.onRecord();
      })();
    } catch (error) {
      this.unwritten = owed;
      throw error;
    }
  }

  quarantineOf(place: VersionPlace): Quarantine | null {
    const written = this.select.all(place.versionDigest, place.variant);
    const crashes = [
      ...written.map(({ at_ms, message }) => ({ atMs: at_ms, message })),
      ...this.unwritten.filter((crash) => isOf(crash, place)),
    ];
    const times = crashes.map(({ atMs }) => atMs);
    const quarantine = quarantineUntil(times, this.clock.now());
    return quarantine && { ...quarantine, message: crashes.at(-1)?.message ?? '' };
  }

  /** Somebody wants it tried again: a new installation. */
  forgive(place: VersionPlace): void {
    this.unwritten = this.unwritten.filter((crash) => !isOf(crash, place));
    this.remove.run(place.versionDigest, place.variant);
  }
}

const isOf = (crash: Crash, { versionDigest, variant }: VersionPlace): boolean =>
  crash.versionDigest === versionDigest && crash.variant === variant;
