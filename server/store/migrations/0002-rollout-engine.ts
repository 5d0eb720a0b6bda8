import { type Kysely, sql } from 'kysely';

const statements = [
  `ALTER TABLE rollouts ADD COLUMN confidence REAL NOT NULL DEFAULT 0.95`,
  `ALTER TABLE rollouts ADD COLUMN pace_json TEXT NOT NULL DEFAULT '{}'`,
  `ALTER TABLE rollouts ADD COLUMN retries INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE rollouts ADD COLUMN priority INTEGER NOT NULL DEFAULT 0`,
  // Of a dynamic one: until when it takes devices that come to match.
  `ALTER TABLE rollouts ADD COLUMN dynamic_until_ms INTEGER`,
  `ALTER TABLE rollouts ADD COLUMN wanted_variant TEXT`,
  // Compare-and-set: grows with every command and every change of state; who, what and when the last one was.
  `ALTER TABLE rollouts ADD COLUMN revision INTEGER NOT NULL DEFAULT 1`,
  `ALTER TABLE rollouts ADD COLUMN changed_by TEXT NOT NULL DEFAULT 'the server'`,
  `ALTER TABLE rollouts ADD COLUMN changed_what TEXT NOT NULL DEFAULT 'started'`,
  `ALTER TABLE rollouts ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 0`,
  `UPDATE rollouts SET changed_by = started_by, changed_ms = started_ms`,

  `ALTER TABLE rollout_targets ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE rollout_targets ADD COLUMN started_ms INTEGER`,
  // What a device that came late was judged from; again only when it differs.
  `ALTER TABLE rollout_targets ADD COLUMN evidence_key TEXT`,
  // The rollout that took the device over.
  `ALTER TABLE rollout_targets ADD COLUMN taken_by TEXT`,
  `UPDATE rollout_targets SET attempts = 1, started_ms =
     (SELECT created_ms FROM installations WHERE installations.installation_id = rollout_targets.installation_id)
   WHERE installation_id IS NOT NULL`,

  `CREATE TABLE groups (
     name TEXT PRIMARY KEY,
     selector TEXT NOT NULL,
     saved_ms INTEGER NOT NULL,
     saved_by TEXT NOT NULL
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE decisions (
     decision_id INTEGER PRIMARY KEY,
     rollout_id TEXT NOT NULL REFERENCES rollouts,
     at_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     kind TEXT NOT NULL,
     wave_index INTEGER,
     explanation TEXT NOT NULL,
     evidence_json TEXT NOT NULL
   ) STRICT`,
  `CREATE INDEX decisions_rollout ON decisions (rollout_id, decision_id)`,
  `CREATE TRIGGER decisions_keep BEFORE UPDATE ON decisions BEGIN SELECT raise(ABORT, 'decisions are append-only'); END`,
  `CREATE TRIGGER decisions_stay BEFORE DELETE ON decisions BEGIN SELECT raise(ABORT, 'decisions are append-only'); END`,

  // What a rollout asks its devices to measure.
  `CREATE INDEX jobs_requester ON jobs (requested_by)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
