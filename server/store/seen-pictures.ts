// Pictures as the server sees them: from the moment a request was taken until the PNG and its report were there, with the
// device's line, the network and the transfer in it. Beside what the device says the picture itself took. They stand beside
// a bench, so only pictures of its size and steps count: others take another time on the device already.
import { z } from 'zod';
import { median } from '../../shared/statistics.ts';
import type { Db } from './database.ts';

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
  steps: z.number(),
  width: z.number(),
  height: z.number(),
  latencyMs: z.number(),
  cached: z.boolean().optional(),
});

/** What pictures and a bench have in common. */
export interface Painted {
  readonly versionDigest: string;
  readonly variant: string;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
}

export const seenKey = (deviceId: string, { versionDigest, variant, steps, width, height }: Painted): string =>
  `${deviceId} ${versionDigest} ${variant} ${steps} ${width}x${height}`;

/**
 * By `seenKey`. Answers from a cache are left out, and pictures that began from one, which take fewer steps than they say.
 * @param deviceId one device only
 */
export async function seenPictures(db: Db, deviceId?: string): Promise<Map<string, SeenPictures>> {
  let query = db
    .selectFrom('jobs')
    .select(['device_id', 'requested_ms', 'ended_ms', 'request_json', 'result_json'])
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
    if (JSON.parse(row.request_json).image) return [];
    const key = seenKey(row.device_id, made);
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
