// One server a data folder. The kernel gives the lock back when the process ends, however it ends.
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { StillError } from '../../shared/errors.ts';

/** @returns what gives the lock back; throws `conflict` when another server has it */
export function lockFolder(folder: string): () => void {
  const lock = new SqliteDatabase(join(folder, 'server.lock'), { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!String((error as { code?: string }).code).startsWith('SQLITE_BUSY')) throw error;
    throw new StillError(
      'conflict',
      `another server already runs on ${folder}; stop it first, or give this one a folder of its own with --data`,
      { cause: error },
    );
  }
  return () => {
    lock.exec('ROLLBACK');
    lock.close();
  };
}
