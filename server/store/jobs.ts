// Bench runs and picture requests on their way.
import type { FitTarget } from '../../shared/fit.ts';
import { type JobReason, type JobState, jobTable } from '../../shared/job.ts';
import { isFinal } from '../../shared/machine.ts';
import type { BenchRequest, PictureRequest } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import * as events from './events.ts';
import type { JobsTable } from './schema.ts';

export type JobRequest =
  | { readonly kind: 'bench'; readonly request: BenchRequest }
  | { readonly kind: 'picture'; readonly request: PictureRequest };

/** What was asked of a selector: by it another device can be chosen, and its own size and steps. */
export interface SelectorOrder {
  readonly selector: string;
  readonly request: PictureRequest;
  readonly fit: FitTarget | null;
}

/** A device that the job was taken from. */
export interface HandOver {
  readonly deviceId: string;
  readonly atMs: number;
  readonly because: string;
}

export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** A small PNG in base64. */
  readonly preview?: string | undefined;
}

export type Job = JobRequest & {
  readonly jobId: string;
  readonly deviceId: string;
  readonly state: JobState;
  readonly reason: JobReason | null;
  readonly progress: JobProgress | null;
  /** Of a picture: what the device says of it. Of a comparison: `comparison`. */
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly requestedAtMs: number;
  readonly requestedBy: string;
  readonly deadlineMs: number;
  /** Null where a device was named, and of benches. */
  readonly order: SelectorOrder | null;
  readonly handOvers: readonly HandOver[];
  readonly endedAtMs: number | null;
};

export type NewJob = JobRequest &
  Pick<Job, 'jobId' | 'deviceId' | 'requestedAtMs' | 'requestedBy' | 'deadlineMs'> &
  Partial<Pick<Job, 'order'>>;

/** A new job stands in QUEUED. */
export async function insert(tx: Db, job: NewJob): Promise<void> {
  await tx
    .insertInto('jobs')
    .values({
      job_id: job.jobId,
      kind: job.kind,
      device_id: job.deviceId,
      state: 'QUEUED',
      request_json: JSON.stringify(job.request),
      order_json: job.order ? JSON.stringify(job.order) : null,
      hand_overs_json: null,
      reason_json: null,
      progress_json: null,
      result_json: null,
      requested_ms: job.requestedAtMs,
      requested_by: job.requestedBy,
      deadline_ms: job.deadlineMs,
      ended_ms: null,
    })
    .execute();
  const { deviceId, kind, jobId } = job;
  await events.append(tx, { atMs: job.requestedAtMs, kind, subject: jobId, details: { deviceId, state: 'QUEUED' } });
}

/** Stores one transition that the caller has found legal, and tells those who watch. */
export async function move(
  tx: Db,
  job: Job,
  change: { to: JobState; atMs: number; reason?: JobReason; result?: Record<string, unknown> },
): Promise<void> {
  const { to, atMs, reason, result } = change;
  await tx
    .updateTable('jobs')
    .set({
      state: to,
      ...(reason && { reason_json: JSON.stringify(reason) }),
      ...(result && { result_json: JSON.stringify(result) }),
      ...(isFinal(jobTable, to) && { ended_ms: atMs, progress_json: null }),
    })
    .where('job_id', '=', job.jobId)
    .execute();
  const details = { deviceId: job.deviceId, from: job.state, state: to, ...(reason && { reason }) };
  await events.append(tx, { atMs, kind: job.kind, subject: job.jobId, details });
}

/**
 * Another device shall do it: its walk begins anew there. What the one before it still says of it is not heard.
 *
 * @param names of the two devices, for those who watch
 */
export async function handOver(
  tx: Db,
  job: Job,
  change: {
    readonly to: { readonly deviceId: string; readonly name: string };
    readonly from: string;
    readonly request: PictureRequest;
    readonly because: string;
    readonly atMs: number;
  },
): Promise<Job> {
  const { to, from, request, because, atMs } = change;
  const { jobId, deviceId } = job;
  const handOvers = [...job.handOvers, { deviceId, atMs, because }];
  await tx
    .updateTable('jobs')
    .set({
      device_id: to.deviceId,
      state: 'QUEUED',
      request_json: JSON.stringify(request),
      hand_overs_json: JSON.stringify(handOvers),
      progress_json: null,
    })
    .where('job_id', '=', jobId)
    .execute();
  const details = {
    deviceId: to.deviceId,
    from: job.state,
    state: 'QUEUED',
    handedOver: { from, to: to.name, because },
  };
  await events.append(tx, { atMs, kind: job.kind, subject: jobId, details });
  return { ...job, kind: 'picture', deviceId: to.deviceId, state: 'QUEUED', request, handOvers, progress: null };
}

export async function setProgress(tx: Db, jobId: string, progress: JobProgress): Promise<void> {
  await tx
    .updateTable('jobs')
    .set({ progress_json: JSON.stringify(progress) })
    .where('job_id', '=', jobId)
    .where('ended_ms', 'is', null)
    .execute();
}

export async function find(db: Db, jobId: string): Promise<Job | null> {
  return (await select(db).where('job_id', '=', jobId).execute()).map(toJob)[0] ?? null;
}

export async function openOf(db: Db, deviceId: string): Promise<Job[]> {
  const rows = await select(db)
    .where('device_id', '=', deviceId)
    .where('ended_ms', 'is', null)
    .orderBy('job_id')
    .execute();
  return rows.map(toJob);
}

export async function overdue(db: Db, nowMs: number): Promise<Job[]> {
  return (await select(db).where('ended_ms', 'is', null).where('deadline_ms', '<', nowMs).execute()).map(toJob);
}

/** Asked of a selector and open, on devices that are away; oldest first, with when each device was last heard. */
export async function onAwayDevices(db: Db): Promise<{ job: Job; lastSeenMs: number }[]> {
  const rows = await db
    .selectFrom('jobs')
    .innerJoin('devices', 'devices.device_id', 'jobs.device_id')
    .selectAll('jobs')
    .select('devices.last_seen_ms')
    .where('jobs.ended_ms', 'is', null)
    .where('jobs.order_json', 'is not', null)
    .where('devices.online', '=', 0)
    .orderBy('jobs.job_id')
    .execute();
  return rows.map((row) => ({ job: toJob(row), lastSeenMs: row.last_seen_ms ?? 0 }));
}

/** The earliest deadline of those that are open. */
export async function nextDeadline(db: Db): Promise<number | null> {
  const row = await db
    .selectFrom('jobs')
    .select('deadline_ms')
    .where('ended_ms', 'is', null)
    .orderBy('deadline_ms')
    .limit(1)
    .executeTakeFirst();
  return row?.deadline_ms ?? null;
}

/** Device → how many jobs it has before it. */
export async function openCounts(db: Db): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['device_id', fn.countAll<number>().as('open')])
    .where('ended_ms', 'is', null)
    .groupBy('device_id')
    .execute();
  return new Map(rows.map((row) => [row.device_id, row.open]));
}

/** Device → how many jobs somebody asked it for, and how many of them have not ended. */
export async function askedBy(db: Db, requestedBy: string): Promise<Map<string, { asked: number; open: number }>> {
  const rows = await db
    .selectFrom('jobs')
    .select(({ fn, eb }) => [
      'device_id',
      fn.countAll<number>().as('asked'),
      fn.sum<number>(eb.case().when('ended_ms', 'is', null).then(1).else(0).end()).as('open'),
    ])
    .where('requested_by', '=', requestedBy)
    .groupBy('device_id')
    .execute();
  return new Map(rows.map((row) => [row.device_id, { asked: row.asked, open: row.open }]));
}

/** Newest first. */
export async function list(
  db: Db,
  { kind, deviceId, limit }: { kind: Job['kind']; deviceId?: string; limit: number },
): Promise<Job[]> {
  const rows = await select(db)
    .where('kind', '=', kind)
    .$if(deviceId !== undefined, (query) => query.where('device_id', '=', deviceId as string))
    .orderBy('job_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toJob);
}

const select = (db: Db) => db.selectFrom('jobs').selectAll();

function toJob(row: JobsTable): Job {
  return {
    kind: row.kind as 'bench',
    request: JSON.parse(row.request_json) as BenchRequest,
    jobId: row.job_id,
    deviceId: row.device_id,
    state: row.state as JobState,
    reason: row.reason_json === null ? null : JSON.parse(row.reason_json),
    progress: row.progress_json === null ? null : JSON.parse(row.progress_json),
    result: row.result_json === null ? null : JSON.parse(row.result_json),
    requestedAtMs: row.requested_ms,
    requestedBy: row.requested_by,
    deadlineMs: row.deadline_ms,
    order: row.order_json === null ? null : JSON.parse(row.order_json),
    handOvers: row.hand_overs_json === null ? [] : JSON.parse(row.hand_overs_json),
    endedAtMs: row.ended_ms,
  };
}
