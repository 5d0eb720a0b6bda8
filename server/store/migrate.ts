// Numbered, forward only, each in a transaction of its own. SQLite's user_version counts those that have run.
import type { Database } from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { StillError } from '../../shared/errors.ts';
import { up as firstTables } from './migrations/0001-first-tables.ts';
import { up as rolloutEngine } from './migrations/0002-rollout-engine.ts';
import { up as outboxes } from './migrations/0010-outboxes.ts';
import { up as classPeaks } from './migrations/0013-class-peaks.ts';
import { up as shadows } from './migrations/0014-shadows.ts';
import { up as fleetIndexes } from './migrations/0015-fleet-indexes.ts';
import { up as lateDevices } from './migrations/0016-late-devices.ts';
import { up as handedOverPictures } from './migrations/0017-handed-over-pictures.ts';

const migrations: readonly ((db: Kysely<unknown>) => Promise<void>)[] = [
  firstTables,
  rolloutEngine,
  outboxes,
  classPeaks,
  shadows,
  fleetIndexes,
  lateDevices,
  handedOverPictures,
];

export async function migrate(sqlite: Database, db: Kysely<unknown>): Promise<void> {
  const done = Number(sqlite.pragma('user_version', { simple: true }));
  if (done > migrations.length)
    throw new StillError(
      'conflict',
      `this data folder was written by a newer server (schema ${done}, this one knows ${migrations.length}); start that server again`,
    );
  for (const [index, up] of migrations.entries()) {
    if (index < done) continue;
    await db.transaction().execute(async (tx) => {
      await up(tx);
      sqlite.pragma(`user_version = ${index + 1}`);
    });
  }
}
