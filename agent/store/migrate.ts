// Forward only; the number of migrations that have run is SQLite's own user_version.
import type { Database } from 'better-sqlite3';

const migrations = [
  `CREATE TABLE desired (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     state TEXT NOT NULL
   ) STRICT;

   CREATE TABLE installations (
     installation_id TEXT PRIMARY KEY,
     wanted TEXT NOT NULL,
     state TEXT NOT NULL,
     since_ms INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     proven INTEGER NOT NULL DEFAULT 0,
     reason TEXT
   ) STRICT;

   CREATE TABLE places (
     model TEXT NOT NULL,
     role TEXT NOT NULL,
     place TEXT NOT NULL CHECK (place IN ('running', 'before')),
     installation_id TEXT NOT NULL,
     version TEXT NOT NULL,
     version_digest TEXT NOT NULL,
     variant TEXT NOT NULL,
     since_ms INTEGER NOT NULL,
     PRIMARY KEY (model, role, place)
   ) STRICT;

   CREATE TABLE outgoing (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     body TEXT NOT NULL
   ) STRICT;

   CREATE TABLE jobs (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     job_id TEXT NOT NULL UNIQUE,
     kind TEXT NOT NULL,
     request TEXT NOT NULL,
     state TEXT NOT NULL,
     received_ms INTEGER NOT NULL,
     deadline_ms INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     cancel_requested INTEGER NOT NULL DEFAULT 0,
     outcome TEXT
   ) STRICT;
   CREATE INDEX jobs_by_state ON jobs (state);`,

  `CREATE TABLE crashes (
     version_digest TEXT NOT NULL,
     variant TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     message TEXT NOT NULL
   ) STRICT;
   CREATE INDEX crashes_by_version ON crashes (version_digest, variant, at_ms);`,

  `CREATE TABLE memory (
     version_digest TEXT NOT NULL,
     variant TEXT NOT NULL,
     pixels INTEGER NOT NULL,
     loaded_bytes INTEGER NOT NULL,
     peak_bytes INTEGER NOT NULL,
     PRIMARY KEY (version_digest, variant, pixels)
   ) STRICT;`,

  `CREATE TABLE outbox (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     id TEXT NOT NULL
   ) STRICT;`,

  `CREATE TABLE lifetime (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     lived_ms INTEGER NOT NULL,
     wall_ms INTEGER NOT NULL
   ) STRICT;`,
] as const;

export function migrate(database: Database): void {
  const done = database.pragma('user_version', { simple: true }) as number;
  if (done > migrations.length)
    throw new Error(
      `this data folder was written by a newer agent (schema ${done}, this one knows ${migrations.length}); install that agent again`,
    );
  for (let number = done; number < migrations.length; number++) {
    database.transaction(() => {
      database.exec(migrations[number] as string);
      database.pragma(`user_version = ${number + 1}`);
    })();
  }
}
