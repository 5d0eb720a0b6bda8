// Who did what. Append-only (triggers refuse anything else); each row carries the hash over itself and the one before,
// so that a row that was changed or taken out behind the server's back shows.
import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { Db } from './database.ts';
import type { AuditTable } from './schema.ts';

export interface AuditEntry {
  readonly atMs: number;
  /** `<name of the key>/<end of its id>`, `device:<name>` or `server`. */
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditRecord extends AuditEntry {
  readonly sequence: number;
  readonly hash: string;
}

const FIRST_HASH = '0'.repeat(64);

export async function append(tx: Db, entry: AuditEntry): Promise<void> {
  const last = await tx
    .selectFrom('audit')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    // executeTakeFirst reads every row there is.
    .limit(1)
    .executeTakeFirst();
  const sequence = (last?.sequence ?? 0) + 1;
  await tx
    .insertInto('audit')
    .values({
      sequence,
      at_ms: entry.atMs,
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      details_json: canonicalJson(entry.details),
      hash: hashOf(last?.hash ?? FIRST_HASH, sequence, entry),
    })
    .execute();
}

/** Newest first. */
export async function list(db: Db, limit: number): Promise<AuditRecord[]> {
  const rows = await db.selectFrom('audit').selectAll().orderBy('sequence', 'desc').limit(limit).execute();
  return rows.map((row) => ({ sequence: row.sequence, hash: row.hash, ...toEntry(row) }));
}

const PAGE_ROWS = 1000;

/** The sequence number of the first row that does not fit the one before; null when the chain holds. */
export async function firstBreak(db: Db): Promise<number | null> {
  let [hash, sequence] = [FIRST_HASH, 0];
  for (;;) {
    const rows = await db
      .selectFrom('audit')
      .selectAll()
      .where('sequence', '>', sequence)
      .orderBy('sequence')
      .limit(PAGE_ROWS)
      .execute();
    for (const row of rows) {
      sequence++;
      const fits = row.sequence === sequence && row.hash === hashOf(hash, sequence, toEntry(row));
      if (!fits) return row.sequence;
      hash = row.hash;
    }
    if (rows.length < PAGE_ROWS) return null;
  }
}

function toEntry(row: Selectable<AuditTable>): AuditEntry {
  const { actor, action, subject } = row;
  return { atMs: row.at_ms, actor, action, subject, details: JSON.parse(row.details_json) };
}

function hashOf(before: string, sequence: number, { atMs, actor, action, subject, details }: AuditEntry): string {
  const content = canonicalJson({ sequence, atMs, actor, action, subject, details });
  return createHash('sha256').update(before).update(content).digest('hex');
}
