import { type Kysely, sql } from 'kysely';

const statements = [
  // Of a picture asked of a selector: what was asked, so that another device can be chosen for it.
  `ALTER TABLE jobs ADD COLUMN order_json TEXT`,
  // The devices that it was taken from, in order.
  `ALTER TABLE jobs ADD COLUMN hand_overs_json TEXT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
