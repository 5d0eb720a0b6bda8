// What devices measured: by request (job), and at the end of each probe (installation).
import { sql } from 'kysely';
import type { z } from 'zod';
import type { BenchResult } from '../../shared/bench.ts';
import type { TableRow } from '../../shared/http-api.ts';
import type { Db } from './database.ts';
import { latencyKey } from './latency-key.ts';
import { type SeenPictures, seenKey } from './seen-pictures.ts';

export interface BenchRun {
  readonly benchRunId: string;
  readonly deviceId: string;
  readonly deviceClass: string;
  readonly jobId: string | null;
  readonly installationId: string | null;
  readonly result: BenchResult;
  readonly receivedAtMs: number;
}

export async function insert(tx: Db, run: BenchRun): Promise<void> {
  const { result } = run;
  await tx
    .insertInto('bench_runs')
    .values({
      bench_run_id: run.benchRunId,
      device_id: run.deviceId,
      device_class: run.deviceClass,
      version_digest: result.versionDigest,
      model: result.model,
      version: result.version,
      variant: result.variant,
      mode: result.mode,
      job_id: run.jobId,
      installation_id: run.installationId,
      latency_ms_p50: result.latencyMsP50,
      latency_ms_p90: result.latencyMsP90,
      peak_rss_bytes: result.peakRssBytes,
      quality: result.quality?.score ?? null,
      parameters: result.parameters,
      samples: result.samples.length,
      disturbed: Number(result.disturbances.length > 0),
      result_json: JSON.stringify(result),
      received_ms: run.receivedAtMs,
    })
    .execute();
}

export async function ofJob(db: Db, jobId: string): Promise<BenchResult | null> {
  const row = await db.selectFrom('bench_runs').select('result_json').where('job_id', '=', jobId).executeTakeFirst();
  return row ? JSON.parse(row.result_json) : null;
}

export interface StoredRun {
  readonly benchRunId: string;
  readonly receivedAtMs: number;
  readonly result: BenchResult;
}

/** What a device measured of a variant at or after `sinceMs`; oldest first, at most the newest `limit`. */
export async function ofDevice(
  db: Db,
  of: { deviceId: string; versionDigest: string; variant: string; sinceMs: number; limit: number },
): Promise<StoredRun[]> {
  const rows = await db
    .selectFrom('bench_runs')
    .select(['bench_run_id', 'received_ms', 'result_json'])
    .where('device_id', '=', of.deviceId)
    .where('version_digest', '=', of.versionDigest)
    .where('variant', '=', of.variant)
    .where('received_ms', '>=', of.sinceMs)
    .orderBy('received_ms', 'desc')
    .limit(of.limit)
    .execute();
  return rows
    .map((row) => ({
      benchRunId: row.bench_run_id,
      receivedAtMs: row.received_ms,
      result: JSON.parse(row.result_json) as BenchResult,
    }))
    .reverse();
}

/** Device → how many measurements of the rollout's version stand behind it; grows whenever its evidence does. */
export async function countsOfRollout(db: Db, rolloutId: string): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('rollout_targets')
    .innerJoin('rollouts', 'rollouts.rollout_id', 'rollout_targets.rollout_id')
    .innerJoin('bench_runs', (join) =>
      join
        .onRef('bench_runs.device_id', '=', 'rollout_targets.device_id')
        .onRef('bench_runs.version_digest', '=', 'rollouts.version_digest'),
    )
    .select(({ fn }) => ['rollout_targets.device_id', fn.countAll<number>().as('runs')])
    .where('rollout_targets.rollout_id', '=', rolloutId)
    .groupBy('rollout_targets.device_id')
    .execute();
  return new Map(rows.map((row) => [row.device_id, row.runs]));
}

export interface ClassEvidence {
  readonly variant: string;
  readonly deviceClass: string;
  readonly latencyMsP50: number;
  readonly peakRssBytes: number;
  readonly quality: number | null;
  readonly runs: number;
}

/** Means of what devices of each class measured for each variant of a version; the peak is the highest one. */
export async function evidenceByClass(db: Db, versionDigest: string): Promise<ClassEvidence[]> {
  const rows = await db
    .selectFrom('bench_runs')
    .select(({ fn }) => [
      'variant',
      'device_class',
      fn.avg<number>('latency_ms_p50').as('latency'),
      fn.max('peak_rss_bytes').as('peak'),
      fn.avg<number | null>('quality').as('quality'),
      fn.countAll<number>().as('runs'),
    ])
    .where('version_digest', '=', versionDigest)
    .groupBy(['variant', 'device_class'])
    .execute();
  return rows.map((row) => ({
    variant: row.variant,
    deviceClass: row.device_class,
    latencyMsP50: row.latency,
    peakRssBytes: row.peak,
    quality: row.quality,
    runs: row.runs,
  }));
}

/** Device → its newest median latency of one model's version. */
export async function newestLatencies(db: Db): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('bench_runs')
    .select(['device_id', 'version_digest', 'variant', 'latency_ms_p50'])
    .orderBy('received_ms')
    .execute();
  return new Map(rows.map((row) => [latencyKey(row.device_id, row.version_digest, row.variant), row.latency_ms_p50]));
}

/** One line of the seed table: the newest measurement of each version on each device that is still ours. */
export async function table(db: Db, seen: ReadonlyMap<string, SeenPictures>): Promise<z.infer<typeof TableRow>[]> {
  const rows = await db
    .selectFrom('bench_runs as run')
    .innerJoin('devices as device', 'device.device_id', 'run.device_id')
    .select([
      'device.name',
      'run.bench_run_id',
      'run.device_id',
      'run.device_class',
      'version_digest',
      'model',
      'version',
      'variant',
      'parameters',
      'latency_ms_p50',
      'latency_ms_p90',
      'peak_rss_bytes',
      'quality',
      'samples',
      'disturbed',
      'received_ms',
    ])
    .where('device.revoked_ms', 'is', null)
    .orderBy('received_ms')
    .execute();
  const newest = [...new Map(rows.map((row) => [`${row.device_id} ${row.version_digest}`, row])).values()];
  const painted = await paintedIn(
    db,
    newest.map((row) => row.bench_run_id),
  );
  return newest
    .map((row) => ({
      device: row.name,
      deviceClass: row.device_class,
      model: row.model,
      version: row.version,
      variant: row.variant,
      parameters: row.parameters,
      latencyMsP50: row.latency_ms_p50,
      latencyMsP90: row.latency_ms_p90,
      pictures: copyOf(seen.get(painted.get(row.bench_run_id) ?? '')),
      peakRssBytes: row.peak_rss_bytes,
      quality: row.quality,
      samples: row.samples,
      disturbed: row.disturbed === 1,
      measuredAtMs: row.received_ms,
    }))
    .sort((a, b) => compare(a.model, b.model) || compare(a.version, b.version) || compare(a.device, b.device));
}

/** Bench run → the `seenKey` of pictures like its own. */
async function paintedIn(db: Db, benchRunIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('bench_runs')
    .select(['bench_run_id', 'device_id', 'version_digest', 'variant'])
    .select([
      sql<number>`json_extract(result_json, '$.steps')`.as('steps'),
      sql<number>`json_extract(result_json, '$.resolution.width')`.as('width'),
      sql<number>`json_extract(result_json, '$.resolution.height')`.as('height'),
    ])
    // As one parameter: a fleet has more of them than SQLite takes.
    .where('bench_run_id', 'in', sql<string>`(SELECT value FROM json_each(${JSON.stringify(benchRunIds)}))`)
    .execute();
  return new Map(
    rows.map((row) => [row.bench_run_id, seenKey(row.device_id, { ...row, versionDigest: row.version_digest })]),
  );
}

const copyOf = (seen: SeenPictures | undefined) => (seen ? { ...seen } : null);

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
