// SQLite in memory as a process uses it: every commit is an effect, before and after which the process may die, and what
// was committed without waiting for the disk may be gone after a power cut.
import SqliteDatabase, { type Database, type Statement } from 'better-sqlite3';
import { prepared } from './prepared.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

export class SimDatabase {
  /** As anybody may look at it from outside, between two steps. */
  sqlite: Database;
  /** Whether commits that do not wait for the disk are taken back by a power cut. It costs a copy now and then. */
  watchesPower = false;
  /** Never waits for the disk, whatever it is told (a planted bug). */
  neverDurable = false;
  private isDurable = true;
  private beforeUnsynced: Buffer | null = null;

  constructor() {
    this.sqlite = new SqliteDatabase(':memory:');
  }

  /** What was not synced may be gone; whoever has the database open must be dead. */
  cutPower(random: Random): void {
    const before = this.beforeUnsynced;
    this.beforeUnsynced = null;
    if (before === null || random.chance(0.4)) return;
    this.sqlite.close();
    this.sqlite = new SqliteDatabase(before);
  }

  /**
   * The database as `process` uses it: what both stores call of better-sqlite3.
   *
   * @param hooks.before throws when a write cannot be made now
   * @param hooks.wrote told the tables that a commit has changed
   * @param hooks.acknowledging told up to which report an agent is about to delete its reports
   */
  usedBy(process: SimProcess, hooks: Hooks): Database {
    return new View(this, process, hooks) as unknown as Database;
  }

  begin(): void {
    if (!this.watchesPower) return;
    if (!this.isDurable || this.neverDurable) this.beforeUnsynced ??= this.sqlite.serialize();
  }

  committed(): void {
    if (this.isDurable && !this.neverDurable) this.beforeUnsynced = null;
  }

  /** A checkpoint: everything that was committed is on the disk. */
  synced(): void {
    if (!this.neverDurable) this.beforeUnsynced = null;
  }

  setDurable(isDurable: boolean): void {
    this.isDurable = isDurable;
  }
}

export interface Hooks {
  readonly before: (sql: string) => void;
  readonly wrote: (tables: ReadonlySet<string>) => void;
  readonly acknowledging?: (upTo: number) => void;
}

class View {
  private readonly own: SimDatabase;
  private readonly sqlite: Database;
  private readonly process: SimProcess;
  private readonly hooks: Hooks;
  private readonly statements = new Map<string, unknown>();
  private touched = new Set<string>();
  private depth = 0;

  constructor(own: SimDatabase, process: SimProcess, hooks: Hooks) {
    this.own = own;
    this.sqlite = own.sqlite;
    this.process = process;
    this.hooks = hooks;
  }

  get open(): boolean {
    return this.sqlite.open;
  }

  /** The next process finds it open. */
  close(): this {
    return this;
  }

  exec(sql: string): this {
    this.sqlite.exec(sql);
    return this;
  }

  pragma(text: string, options?: { simple: boolean }): unknown {
    const synchronous = /^synchronous = (\w+)/.exec(text)?.[1];
    if (synchronous) return this.own.setDurable(synchronous === 'FULL');
    if (text.startsWith('wal_checkpoint')) return this.own.synced();
    return this.sqlite.pragma(text, options);
  }

  prepare(sql: string): unknown {
    const known = this.statements.get(sql);
    if (known) return known;
    const made = this.wrap(sql);
    this.statements.set(sql, made);
    return made;
  }

  /** As better-sqlite3 does it; transactions within one are part of it. */
  transaction<T>(body: () => T): () => T {
    return () => {
      if (this.depth > 0) return body();
      this.begin();
      this.depth++;
      try {
        const result = body();
        this.commit();
        return result;
      } catch (error) {
        this.rollback();
        throw error;
      } finally {
        this.depth--;
      }
    };
  }

  private wrap(sql: string) {
    const control = /^(begin|commit|rollback)\b/i.exec(sql)?.[1]?.toLowerCase();
    if (control) return this.control(control);
    const statement: Statement<unknown[]> = this.sqlite.prepare(sql);
    const table = /^\s*(?:insert(?: or \w+)? into|replace into|update|delete from)\s+"?(\w+)/i.exec(sql)?.[1];
    const isAcknowledgement = /^delete from outgoing where seq <= \?/i.test(sql);
    const write = <T>(run: () => T): T => {
      if (!this.process.isAlive) this.process.effect();
      if (table === undefined) return run();
      this.hooks.before(sql);
      if (this.sqlite.inTransaction) {
        this.touched.add(table);
        return run();
      }
      this.process.effect();
      this.own.begin();
      const result = run();
      this.own.committed();
      this.hooks.wrote(new Set([table]));
      this.process.effect();
      return result;
    };
    return {
      reader: statement.reader,
      run: (...given: unknown[]) => {
        if (isAcknowledgement) this.hooks.acknowledging?.(Number(given[0]));
        return write(() => statement.run(...given));
      },
      get: (...given: unknown[]) => write(() => statement.get(...given)),
      all: (...given: unknown[]) => write(() => statement.all(...given)),
      iterate: (...given: unknown[]) => write(() => statement.iterate(...given)),
    };
  }

  private control(what: string) {
    const run = () => {
      if (!this.process.isAlive) this.process.effect();
      if (what === 'begin') this.begin();
      else if (what === 'commit') this.commit();
      else this.rollback();
      return { changes: 0, lastInsertRowid: 0 };
    };
    return { reader: false, run, all: run, get: run };
  }

  private begin(): void {
    this.process.effect();
    this.own.begin();
    this.touched = new Set();
    prepared(this.sqlite, 'BEGIN').run();
  }

  private commit(): void {
    try {
      this.process.effect();
    } catch (died) {
      this.rollback();
      throw died;
    }
    prepared(this.sqlite, 'COMMIT').run();
    this.own.committed();
    this.hooks.wrote(this.touched);
    this.process.effect();
  }

  private rollback(): void {
    if (this.sqlite.inTransaction) this.sqlite.exec('ROLLBACK');
  }
}
