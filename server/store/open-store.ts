// Everything that the server remembers: the database and the files beside it.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseConnection, type Db, type WriteOptions } from './database.ts';
import { type FileStore, Files } from './files.ts';
import { lockFolder } from './folder-lock.ts';
import { Signal } from './signal.ts';
import { TelemetryRows } from './telemetry.ts';

export type { Db } from './database.ts';

export interface Store {
  /** For reading outside of a transaction. */
  readonly db: Db;
  /** One transaction; writes stand in line. */
  write<T>(work: (tx: Db) => Promise<T>, options?: WriteOptions<T>): Promise<T>;
  /** Fires after every commit that changed something, unless nobody acts on what it was. */
  readonly committed: Signal;
  /** Artifacts by sha256. */
  readonly blobs: FileStore;
  /** PNGs by sha256. */
  readonly pictures: FileStore;
  readonly telemetry: TelemetryRows;
  close(): Promise<void>;
}

/** @throws StillError `conflict` when another server has the folder, or a newer one wrote it */
export async function openStore(folder: string): Promise<Store> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  try {
    const blobs = await Files.open(join(folder, 'blobs'));
    const pictures = await Files.open(join(folder, 'pictures'));
    const connection = await DatabaseConnection.open(join(folder, 'stillhouse.db'));
    const store = storeOver(connection, { blobs, pictures });
    return { ...store, close: () => store.close().finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The store over a connection and files that are handed in. */
export function storeOver(connection: DatabaseConnection, files: Pick<Store, 'blobs' | 'pictures'>): Store {
  const committed = new Signal();
  return {
    ...files,
    db: connection.db,
    // A look that changed nothing wakes nobody, or the tick would wake itself.
    write: (work, options) => connection.write(work, options, () => committed.fire()),
    committed,
    telemetry: new TelemetryRows(connection.sqlite),
    close: () => connection.close(),
  };
}
