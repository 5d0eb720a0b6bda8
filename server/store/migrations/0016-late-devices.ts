import { type Kysely, sql } from 'kysely';

const statements = [
  // Late devices: counted against the gate on failures, and no longer taken once a gate broke over them.
  `ALTER TABLE rollout_targets ADD COLUMN counted_late INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE rollouts ADD COLUMN late_held_ms INTEGER`,
  `ALTER TABLE rollouts ADD COLUMN late_held_because TEXT`,
  // The last start of a device alone: a pace counts all of them, from the installations.
  `ALTER TABLE rollout_targets DROP COLUMN started_ms`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
