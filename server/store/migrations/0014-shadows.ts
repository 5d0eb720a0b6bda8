import { type Kysely, sql } from 'kysely';

const statements = [
  // What its version becomes on the devices: the one that answers, or one that runs beside it.
  `ALTER TABLE rollouts ADD COLUMN role TEXT NOT NULL DEFAULT 'current'`,
  `CREATE TABLE shadow_comparisons (
     comparison_id INTEGER PRIMARY KEY,
     device_id TEXT NOT NULL REFERENCES devices,
     installation_id TEXT NOT NULL REFERENCES installations,
     against_version TEXT NOT NULL,
     against_digest TEXT NOT NULL,
     latency_ms_returned REAL NOT NULL,
     latency_ms_shadow REAL NOT NULL,
     mean_absolute_difference REAL,
     same_labels REAL,
     adherence_returned REAL,
     adherence_shadow REAL,
     received_ms INTEGER NOT NULL
   ) STRICT`,
  `CREATE INDEX shadow_comparisons_installation ON shadow_comparisons (installation_id, comparison_id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
