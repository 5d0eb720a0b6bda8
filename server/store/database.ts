// The one database connection. Writes stand in line, each a transaction; SQLite has one writer anyway.
//
// synchronous = FULL where somebody is told that it is kept (a device deletes its report on the acknowledgement, a
// caller reads 201): the WAL is synced at commit, so not even a power cut takes it back. NORMAL for what is told again
// by itself (telemetry, presence, marks on sent messages): it survives a crash of the process, and costs no sync.
import SqliteDatabase, { type Database, type Statement } from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';

/** A connection or a transaction in progress: every query of store/ takes one. */
export type Db = Kysely<Schema>;

export interface WriteOptions<T = unknown> {
  /**
   * False: told again after a power cut, so the commit need not wait for the disk. A function decides that from what the
   * work returned, for work that seldom promises anything: then the write resolves when the disk has it.
   */
  readonly durable?: boolean | ((result: T) => boolean);
  /** Whether those who act on commits need to look, from what the work returned. Left out: whenever a row changed. */
  readonly wakes?: (result: T) => boolean;
}

const STATEMENTS_KEPT = 500;
const BUSY_MS = 5000;

export class DatabaseConnection {
  readonly sqlite: Database;
  readonly db: Db;
  private readonly countChanges: Statement<[], { changes: number }>;
  private turn: Promise<unknown> = Promise.resolve();
  private synchronous: 'FULL' | 'NORMAL' = 'FULL';

  private constructor(sqlite: Database) {
    this.sqlite = sqlite;
    this.countChanges = sqlite.prepare('SELECT total_changes() AS changes');
    this.db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: withStatementCache(sqlite) }) });
  }

  static open(path: string): Promise<DatabaseConnection> {
    return DatabaseConnection.over(new SqliteDatabase(path, { timeout: BUSY_MS }));
  }

  /** Over a database that is open; its schema is brought up to date. */
  static async over(sqlite: Database): Promise<DatabaseConnection> {
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    // 16 MB each: telemetry touches a page of every device, and fewer checkpoints write each of them fewer times.
    sqlite.pragma('wal_autocheckpoint = 4000');
    sqlite.pragma('cache_size = -16000');
    const connection = new DatabaseConnection(sqlite);
    try {
      await migrate(sqlite, connection.db as unknown as Kysely<unknown>);
    } catch (error) {
      sqlite.close();
      throw error;
    }
    return connection;
  }

  /** Runs `work` in one transaction, after the writes that came before. Nothing of it stays when it throws. */
  write<T>(
    work: (tx: Db) => Promise<T>,
    { durable = true, wakes = () => true }: WriteOptions<T> = {},
    onChange: () => void = () => {},
  ): Promise<T> {
    const result = this.turn.then(async () => {
      this.setSynchronous(durable === true ? 'FULL' : 'NORMAL');
      const before = this.changes();
      const done = await this.db.transaction().execute(work);
      if (typeof durable === 'function' && durable(done)) this.sync();
      if (this.changes() !== before && wakes(done)) onChange();
      return done;
    });
    this.turn = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  /** Rows that were written since the connection was opened. */
  private changes(): number {
    return this.countChanges.get()?.changes ?? 0;
  }

  /** What was committed so far survives a power cut: a checkpoint syncs the WAL before it copies from it. */
  private sync(): void {
    this.sqlite.pragma('wal_checkpoint(PASSIVE)');
  }

  /** Resolves when the writes that were asked for have ended. */
  async close(): Promise<void> {
    await this.turn;
    await this.db.destroy();
    if (this.sqlite.open) this.sqlite.close();
  }

  private setSynchronous(mode: 'FULL' | 'NORMAL'): void {
    if (this.synchronous === mode) return;
    this.sqlite.pragma(`synchronous = ${mode}`);
    this.synchronous = mode;
  }
}

/** Kysely asks for every statement anew; preparing costs more than most of our queries. */
function withStatementCache(sqlite: Database) {
  const cache = new Map<string, Statement<unknown[]>>();
  return {
    close: () => sqlite.close(),
    prepare: (sql: string) => {
      const known = cache.get(sql);
      if (known) return known as never;
      const statement = sqlite.prepare<unknown[]>(sql);
      const oldest = cache.size >= STATEMENTS_KEPT ? cache.keys().next() : null;
      if (oldest && !oldest.done) cache.delete(oldest.value);
      cache.set(sql, statement);
      return statement as never;
    },
  };
}
