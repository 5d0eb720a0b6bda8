// Which version stands in which place: what runs, and what ran before it and is ready for the way back. One row a
// model, role and place, so that the switch from one version to the next is one write.
import type { Database, Statement } from 'better-sqlite3';
import type { RunningModel } from '../../shared/messages.ts';
import type { Crashes } from './crashes.ts';
import type { Lifetime } from './lifetime.ts';

interface Row {
  readonly model: string;
  readonly role: 'current' | 'shadow';
  readonly place: 'running' | 'before';
  readonly installation_id: string;
  readonly version: string;
  readonly version_digest: string;
  readonly variant: string;
  readonly since_ms: number;
}

export class Places {
  private readonly database: Database;
  private readonly lifetime: Lifetime;
  private readonly crashes: Crashes;
  private readonly select: Statement<[string], Row>;

  constructor(database: Database, lifetime: Lifetime, crashes: Crashes) {
    this.database = database;
    this.lifetime = lifetime;
    this.crashes = crashes;
    this.select = database.prepare('SELECT * FROM places WHERE place = ?');
  }

  running(): RunningModel[] {
    return this.rows('running').map((row) => this.withQuarantine(fromRow(row)));
  }

  before(): RunningModel[] {
    return this.rows('before').map(fromRow);
  }

  /** Those of before(), with the moment in which another one took the place. */
  replaced(): { readonly place: RunningModel; readonly replacedMs: number }[] {
    return this.rows('before').map((row) => ({ place: fromRow(row), replacedMs: row.since_ms }));
  }

  /** The way back to a former version is given up. */
  forgetBefore(installationId: string): void {
    this.database.prepare(`DELETE FROM places WHERE place = 'before' AND installation_id = ?`).run(installationId);
  }

  /** `next` runs from now on, and what ran in its place becomes what ran before, unless it is the same version. */
  switchTo(next: RunningModel): void {
    const { model, role } = next;
    this.database.transaction(() => {
      const now = this.running().find((place) => place.model === model && place.role === role);
      if (now && (now.versionDigest !== next.versionDigest || now.variant !== next.variant)) this.put('before', now);
      this.put('running', next);
    })();
  }

  /** What ran as a shadow runs as current, and what was current is ready for the way back: one write. */
  promote(next: RunningModel): void {
    this.database.transaction(() => {
      this.withdraw(next.model, 'shadow');
      this.switchTo(next);
    })();
  }

  withdraw(model: string, role: 'current' | 'shadow'): void {
    this.database.prepare('DELETE FROM places WHERE model = ? AND role = ?').run(model, role);
  }

  /** Sorted here: it is asked at every turn of the loop, for a row or two, and SQLite would build a sorter each time. */
  private rows(place: Row['place']): Row[] {
    return this.select.all(place).sort((a, b) => a.since_ms - b.since_ms || (a.model < b.model ? -1 : 1));
  }

  private withQuarantine(place: RunningModel): RunningModel {
    const quarantine = this.crashes.quarantineOf(place);
    if (!quarantine) return place;
    return { ...place, quarantine: { ...quarantine, untilMs: this.lifetime.onTheWall(quarantine.untilMs) } };
  }

  private put(place: 'running' | 'before', entry: RunningModel): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO places (model, role, place, installation_id, version, version_digest, variant, since_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        entry.model,
        entry.role,
        place,
        entry.installationId,
        entry.version,
        entry.versionDigest,
        entry.variant,
        this.lifetime.now(),
      );
  }
}

function fromRow(row: Row): RunningModel {
  return {
    installationId: row.installation_id,
    model: row.model,
    version: row.version,
    versionDigest: row.version_digest,
    variant: row.variant,
    role: row.role,
  };
}
