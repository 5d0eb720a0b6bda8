import { type Kysely, sql } from 'kysely';

// A device's reports are numbered by the outbox on its disk; with a new disk they begin at 1 again.
const statements = [
  `CREATE TABLE outboxes (
     device_id TEXT NOT NULL REFERENCES devices,
     outbox_id TEXT NOT NULL,
     report_seq INTEGER NOT NULL,
     PRIMARY KEY (device_id, outbox_id)
   ) STRICT, WITHOUT ROWID`,
  `INSERT INTO outboxes SELECT device_id, '', report_seq FROM devices WHERE report_seq > 0`,
  `ALTER TABLE devices DROP COLUMN report_seq`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
