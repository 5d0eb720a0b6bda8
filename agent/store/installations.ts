import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../shared/clock.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import { type InstallationReason, type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal, step } from '../../shared/machine.ts';
import type { Outgoing } from './outgoing.ts';

export interface Installation {
  readonly installationId: string;
  readonly wanted: DesiredModel;
  readonly state: InstallationState;
  readonly sinceMs: number;
  readonly attempts: number;
  readonly proven: boolean;
  readonly reason: InstallationReason | null;
}

interface Row {
  readonly installation_id: string;
  readonly wanted: string;
  readonly state: InstallationState;
  readonly since_ms: number;
  readonly attempts: number;
  readonly proven: number;
  readonly reason: string | null;
}

/** Installations that ended and that nobody asks for any more are remembered up to this number. */
const KEPT = 200;

/** Every installation the device was asked for. A move and the report of it are one transaction. */
export class Installations {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly outgoing: Outgoing;
  private readonly selectOne: Statement<[string], Row>;
  private readonly selectAll: Statement<[], Row>;

  constructor(database: Database, clock: Clock, outgoing: Outgoing) {
    this.database = database;
    this.clock = clock;
    this.outgoing = outgoing;
    this.selectOne = database.prepare('SELECT * FROM installations WHERE installation_id = ?');
    this.selectAll = database.prepare('SELECT * FROM installations ORDER BY rowid');
  }

  get(installationId: string): Installation | null {
    const row = this.selectOne.get(installationId);
    return row ? fromRow(row) : null;
  }

  all(): Installation[] {
    return this.selectAll.all().map(fromRow);
  }

  /** Those that have not ended, in order of arrival. */
  open(): Installation[] {
    return this.all().filter(({ state }) => !isFinal(installationTable, state));
  }

  /** A new one stands in NOTIFIED; a known id is left as it is. */
  accept(wanted: DesiredModel): void {
    this.database
      .prepare(
        `INSERT INTO installations (installation_id, wanted, state, since_ms) VALUES (?, ?, 'NOTIFIED', ?)
         ON CONFLICT DO NOTHING`,
      )
      .run(wanted.installationId, JSON.stringify(wanted), this.clock.now());
  }

  /**
   * Moves one along the table and reports it.
   *
   * @returns false when it had ended before: a late event of work that was stopped changes nothing
   * @throws RangeError for an edge that the table does not have
   */
  move(installationId: string, to: InstallationState, reason?: InstallationReason): boolean {
    const from = this.get(installationId)?.state;
    if (from === undefined || isFinal(installationTable, from)) return false;
    const verdict = step(installationTable, from, to);
    if (verdict.kind === 'illegal') throw new RangeError(`installation ${installationId}: ${verdict.message}`);
    if (verdict.kind === 'same') return true;
    this.database.transaction(() => {
      this.database
        .prepare(
          'UPDATE installations SET state = ?, since_ms = ?, attempts = 0, proven = 0, reason = ? WHERE installation_id = ?',
        )
        .run(to, this.clock.now(), reason ? JSON.stringify(reason) : null, installationId);
      this.outgoing.append({ kind: 'installation', installationId, from, to, ...(reason && { reason }) });
    })();
    return true;
  }

  begin(installationId: string): void {
    this.database
      .prepare('UPDATE installations SET attempts = attempts + 1 WHERE installation_id = ?')
      .run(installationId);
  }

  /** The work was stopped in order: that was no crash. */
  interrupted(installationId: string): void {
    this.database
      .prepare('UPDATE installations SET attempts = max(0, attempts - 1) WHERE installation_id = ?')
      .run(installationId);
  }

  markProven(installationId: string): void {
    this.database
      .prepare('UPDATE installations SET proven = 1, attempts = 0 WHERE installation_id = ?')
      .run(installationId);
  }

  /** Forgets the oldest that have ended, but never one of `wanted`: an id that has ended is never tried again. */
  forget(wanted: ReadonlySet<string>): void {
    const ended = this.all().filter(
      ({ installationId, state }) => isFinal(installationTable, state) && !wanted.has(installationId),
    );
    const remove = this.database.prepare('DELETE FROM installations WHERE installation_id = ?');
    for (const { installationId } of ended.slice(0, Math.max(0, ended.length - KEPT))) remove.run(installationId);
  }
}

function fromRow(row: Row): Installation {
  return {
    installationId: row.installation_id,
    wanted: JSON.parse(row.wanted) as DesiredModel,
    state: row.state,
    sinceMs: row.since_ms,
    attempts: row.attempts,
    proven: row.proven === 1,
    reason: row.reason === null ? null : (JSON.parse(row.reason) as InstallationReason),
  };
}
