// How far the reports of each device are stored, by the outbox that numbered them.
import type { Db } from './database.ts';

/** The number of the newest stored report; 0 before the first. */
export async function reportSeq(db: Db, deviceId: string, outboxId: string): Promise<number> {
  const row = await db
    .selectFrom('outboxes')
    .select('report_seq')
    .where('device_id', '=', deviceId)
    .where('outbox_id', '=', outboxId)
    .executeTakeFirst();
  return row?.report_seq ?? 0;
}

export async function setReportSeq(
  tx: Db,
  { deviceId, outboxId, seq }: { deviceId: string; outboxId: string; seq: number },
): Promise<void> {
  await tx.replaceInto('outboxes').values({ device_id: deviceId, outbox_id: outboxId, report_seq: seq }).execute();
}
