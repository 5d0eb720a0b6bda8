// For those who look at a database from outside.
import type { Database, Statement } from 'better-sqlite3';

const statements = new WeakMap<Database, Map<string, Statement<unknown[]>>>();

/** Prepared once a database. */
export function prepared(sqlite: Database, sql: string): Statement<unknown[]> {
  const known = statements.get(sqlite) ?? new Map<string, Statement<unknown[]>>();
  statements.set(sqlite, known);
  const statement = known.get(sql) ?? sqlite.prepare<unknown[]>(sql);
  known.set(sql, statement);
  return statement;
}
