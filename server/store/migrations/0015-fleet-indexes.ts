import { type Kysely, sql } from 'kysely';

const statements = [
  // Looked for at every turn of the tick, and few among the targets of all rollouts that ever were.
  `CREATE INDEX rollout_targets_unjudged ON rollout_targets (rollout_id, device_id) WHERE judged = 0 AND taken_by IS NULL`,
  // Few devices have a maintenance window, and every look at a rollout asks which.
  `CREATE INDEX labels_by_key ON labels (key, device_id, value)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
