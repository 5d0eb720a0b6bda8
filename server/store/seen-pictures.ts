// Pictures as the server sees them: from the moment a request was taken until the PNG and its report were there, with the
// device's line, the network and the transfer in it. Beside what the device says the picture itself took.
import { z } from 'zod';
import { median } from '../../shared/statistics.ts';
import type { Db } from './database.ts';
import { latencyKey } from './latency-key.ts';

/** The newest, of all devices. */
const NEWEST = 2000;

export interface SeenPictures {
  readonly count: number;
  readonly seenMsP50: number;
  readonly onDeviceMsP50: number;
}

/** A few of the fields of a job's result (shared/messages.ts, Report). */
const Made = z.looseObject({
  versionDigest: z.string(),
  variant: z.string(),
  latencyMs: z.number(),
  cached: z.boolean().optional(),
});

/** By bench-runs.ts `latencyKey`. Answers from a cache are left out. @param deviceId one device only */
export async function seenPictures(db: Db, deviceId?: string): Promise<Map<string, SeenPictures>> {
  let query = db
    .selectFrom('jobs')
    .select(['device_id', 'requested_ms', 'ended_ms', 'result_json'])
    .where('kind', '=', 'picture')
    .where('state', '=', 'SUCCEEDED')
    // Of those that another device had before, the time says nothing of this one.
    .where('hand_overs_json', 'is', null)
    .orderBy('ended_ms', 'desc')
    .limit(NEWEST);
  if (deviceId !== undefined) query = query.where('device_id', '=', deviceId);
  const pictures = (await query.execute()).flatMap((row) => {
    const made = Made.safeParse(JSON.parse(row.result_json ?? 'null')).data;
    if (!made || made.cached || row.ended_ms === null) return [];
    const key = latencyKey(row.device_id, made.versionDigest, made.variant);
    return [{ key, seenMs: row.ended_ms - row.requested_ms, onDeviceMs: made.latencyMs }];
  });
  const groups = Map.groupBy(pictures, ({ key }) => key);
  return new Map(
    [...groups].map(([key, group]) => [
      key,
      {
        count: group.length,
        seenMsP50: median(group.map(({ seenMs }) => seenMs)),
        onDeviceMsP50: median(group.map(({ onDeviceMs }) => onDeviceMs)),
      },
    ]),
  );
}
