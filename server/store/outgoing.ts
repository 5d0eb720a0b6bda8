// MQTT messages owed to devices: written with what causes them, deleted once the broker has them. A device that is away
// is told anew when it says hello, so what lies here for it is bounded: one desired state, one acknowledgement, one
// command an open job.
import type { DownKind } from '../../shared/topics.ts';
import type { Db } from './database.ts';

export interface OwedMessage {
  readonly outgoingId: number;
  readonly deviceId: string;
  readonly kind: DownKind;
  readonly payload: string;
}

/** @param subject what the message replaces: one a device, kind and subject is kept, the newest */
export async function owe(
  tx: Db,
  message: { deviceId: string; kind: DownKind; subject?: string; payload: unknown },
): Promise<void> {
  const { deviceId, kind, subject = '', payload } = message;
  // Replacing takes a new number, so that a mark for the older text cannot remove the newer one.
  await tx
    .replaceInto('outgoing')
    .values({ device_id: deviceId, kind, subject, payload_json: JSON.stringify(payload) })
    .execute();
}

/** Owed to devices that are online, oldest first. */
export async function due(db: Db, count: number): Promise<OwedMessage[]> {
  const rows = await db
    .selectFrom('outgoing')
    .innerJoin('devices', 'devices.device_id', 'outgoing.device_id')
    .select(['outgoing_id', 'outgoing.device_id', 'kind', 'payload_json'])
    .where('devices.online', '=', 1)
    .orderBy('outgoing_id')
    .limit(count)
    .execute();
  return rows.map((row) => ({
    outgoingId: row.outgoing_id,
    deviceId: row.device_id,
    kind: row.kind as DownKind,
    payload: row.payload_json,
  }));
}

export async function settle(tx: Db, outgoingIds: readonly number[]): Promise<void> {
  if (outgoingIds.length > 0) await tx.deleteFrom('outgoing').where('outgoing_id', 'in', outgoingIds).execute();
}

export async function forgive(tx: Db, deviceId: string, subject?: string): Promise<void> {
  await tx
    .deleteFrom('outgoing')
    .where('device_id', '=', deviceId)
    .$if(subject !== undefined, (query) => query.where('subject', '=', subject as string))
    .execute();
}
