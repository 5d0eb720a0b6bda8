// What changed, for those who watch (server-sent events). Written in the transaction of the change itself.
import type { EventView } from '../../shared/http-api.ts';
import type { Db } from './database.ts';

export type EventKind = EventView['kind'];

export interface StoredEvent extends EventView {
  readonly sequence: number;
}

export async function append(
  tx: Db,
  event: { atMs: number; kind: EventKind; subject: string; details: Record<string, unknown> },
): Promise<void> {
  await tx
    .insertInto('events')
    .values({
      at_ms: event.atMs,
      kind: event.kind,
      subject: event.subject,
      details_json: JSON.stringify(event.details),
    })
    .execute();
}

export async function after(db: Db, sequence: number, count: number): Promise<StoredEvent[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('sequence', '>', sequence)
    .orderBy('sequence')
    .limit(count)
    .execute();
  return rows.map((row) => ({
    sequence: row.sequence,
    atMs: row.at_ms,
    kind: row.kind as EventKind,
    subject: row.subject,
    details: JSON.parse(row.details_json),
  }));
}

export async function newestSequence(db: Db): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select(({ fn }) => fn.max('sequence').as('newest'))
    .executeTakeFirst();
  return row?.newest ?? 0;
}

/** Keeps the newest `count`. */
export async function prune(tx: Db, count: number): Promise<void> {
  const newest = await newestSequence(tx);
  await tx
    .deleteFrom('events')
    .where('sequence', '<=', newest - count)
    .execute();
}
