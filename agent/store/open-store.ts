// What the agent must still know after a power cut: one SQLite file (state, reports, jobs) and the folders of blobs and
// slots. Every change of state and the report of it stand in one transaction.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock, Randomness } from '../../shared/clock.ts';
import { Ballast } from './ballast.ts';
import { Blobs } from './blobs.ts';
import { CompiledFolders } from './compiled-folders.ts';
import { Crashes } from './crashes.ts';
import { Desired } from './desired.ts';
import type { Disk } from './disk.ts';
import { Installations } from './installations.ts';
import { Jobs } from './jobs.ts';
import { Lifetime } from './lifetime.ts';
import { Memory } from './memory.ts';
import { migrate } from './migrate.ts';
import { Outgoing } from './outgoing.ts';
import { Places } from './places.ts';
import { Slots } from './slots.ts';
import { systemDisk } from './system-disk.ts';

/** Folders beside the database. */
const parts = { blobs: 'blobs', slots: 'slots', compiled: 'compiled' } as const;

export interface Store {
  readonly desired: Desired;
  readonly installations: Installations;
  readonly places: Places;
  readonly jobs: Jobs;
  readonly outgoing: Outgoing;
  /** The time by which deadlines are kept. */
  readonly lifetime: Lifetime;
  readonly blobs: Blobs;
  readonly slots: Slots;
  /** Derived from the slots: what is lost is made again. */
  readonly compiled: CompiledFolders;
  readonly crashes: Crashes;
  readonly memory: Memory;
  readonly ballast: Pick<Ballast, 'keep' | 'giveUp'>;
  /** All of it or nothing; transactions nest. */
  transaction<T>(body: () => T): T;
  close(): void;
}

/** @param options.onReport called soon after a report was stored */
export function openStore(options: {
  readonly folder: string;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly onReport: () => void;
}): Store {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const part of Object.values(parts)) mkdirSync(join(folder, part), { recursive: true });
  const ballast = new Ballast(join(folder, 'ballast'));
  ballast.keep();
  return storeOver({ ...options, database: new Database(join(folder, 'agent.db')), disk: systemDisk, ballast });
}

/** The store over a database and a disk that are handed in; the folders of blobs, slots and compiled forms must be there. */
export function storeOver(options: {
  readonly database: Database.Database;
  readonly disk: Disk;
  /** Left out: there is none to give up. */
  readonly ballast?: Store['ballast'];
  readonly folder: string;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly onReport: () => void;
}): Store {
  const { database, disk, folder, clock, ballast = { keep: () => {}, giveUp: () => false } } = options;
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('cache_size = -1024');
  migrate(database);
  const outgoing = new Outgoing(database, options);
  const lifetime = new Lifetime(database, clock);
  const crashes = new Crashes(database, lifetime, () =>
    outgoing.append({ kind: 'running', running: places.running() }),
  );
  const places = new Places(database, lifetime, crashes);
  return {
    desired: new Desired(database),
    lifetime,
    installations: new Installations(database, lifetime, outgoing),
    places,
    crashes,
    memory: new Memory(database),
    jobs: new Jobs(database, lifetime, outgoing),
    outgoing,
    blobs: new Blobs(join(folder, parts.blobs), disk),
    slots: new Slots(join(folder, parts.slots), disk),
    compiled: new CompiledFolders(join(folder, parts.compiled), disk),
    ballast,
    transaction: (body) => database.transaction(body)(),
    close: () => database.close(),
  };
}
