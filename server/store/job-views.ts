// Bench runs and pictures as the API shows them.
import type { BenchRunView, PictureView } from '../../shared/http-api.ts';
import { literalWeights } from '../../shared/prompt-notices.ts';
import * as benchRuns from './bench-runs.ts';
import type { Db } from './database.ts';
import type { Job } from './jobs.ts';
import { type SeenPictures, seenKey, seenPictures } from './seen-pictures.ts';

export async function viewBenchRuns(db: Db, jobs: readonly Job[]): Promise<BenchRunView[]> {
  const devices = await devicesOf(db, jobs);
  const views: BenchRunView[] = [];
  const seenBy = new Map<string, Map<string, SeenPictures>>();
  for (const job of jobs) {
    if (job.kind !== 'bench') continue;
    const { mode, model, version, against, settings, fit } = job.request;
    const own = job.result?.bench as BenchRunView['result'] | undefined;
    const seen = await seenOf(db, job.deviceId, seenBy);
    const result: BenchRunView['result'] =
      job.state === 'SUCCEEDED' ? (own ?? (await benchRuns.ofJob(db, job.jobId))) : null;
    views.push({
      ...{
        benchRunId: job.jobId,
        ...viewJob(job, devices),
        deviceClass: devices.get(job.deviceId)?.deviceClass ?? '',
        model,
        version,
        mode,
        result,
      },
      against: against ? { model: against.model, version: against.version } : null,
      comparison: (job.result?.comparison as BenchRunView['comparison'] | undefined) ?? null,
      ...(settings && { settings }),
      ...(fit && { fit }),
      seenByServer: result && seenByServer(job, result),
      pictures: result && picturesOf(seen, job.deviceId, result),
    });
  }
  return views;
}

type Measured = NonNullable<BenchRunView['result']>;

function seenByServer({ requestedAtMs, endedAtMs }: Job, { startedAtMs: from, endedAtMs: to }: Measured) {
  // Each by its own clock, so that only durations are compared.
  return endedAtMs === null ? null : { seenMs: endedAtMs - requestedAtMs, onDeviceMs: Math.max(0, to - from) };
}

function picturesOf(seen: ReadonlyMap<string, SeenPictures>, deviceId: string, result: Measured) {
  const found = seen.get(seenKey(deviceId, { ...result, ...result.resolution }));
  return found ? { ...found } : null;
}

async function seenOf(db: Db, deviceId: string, known: Map<string, Map<string, SeenPictures>>) {
  const seen = known.get(deviceId) ?? (await seenPictures(db, deviceId));
  known.set(deviceId, seen);
  return seen;
}

export async function viewPictures(db: Db, jobs: readonly Job[]): Promise<PictureView[]> {
  const devices = await devicesOf(db, jobs);
  const versions = new Map(
    (await db.selectFrom('versions').select(['version_digest', 'model', 'version']).execute()).map((row) => [
      row.version_digest,
      { model: row.model, version: row.version },
    ]),
  );
  return jobs.flatMap((job) => {
    if (job.kind !== 'picture') return [];
    return [
      {
        pictureId: job.jobId,
        ...viewJob(job, devices),
        request: job.request,
        handOvers: job.handOvers.map(({ deviceId, atMs, because }) => ({
          device: devices.get(deviceId)?.name ?? '',
          atMs,
          because,
        })),
        result: job.result && viewResult(job.result, job.request.prompt, versions),
      },
    ];
  });
}

function viewResult(
  result: Readonly<Record<string, unknown>>,
  prompt: string,
  versions: ReadonlyMap<string, { model: string; version: string }>,
): PictureView['result'] {
  const { versionDigest, unknownWords = [], promptCuts = [], ...rest } = result;
  const version = versions.get(String(versionDigest)) ?? { model: 'unknown', version: '0.0.0' };
  const notices = { unknownWords, promptCuts, literalWeights: literalWeights(prompt) };
  return { ...rest, ...version, ...notices } as PictureView['result'];
}

function viewJob(job: Job, devices: Devices) {
  const { state, reason, requestedAtMs, deadlineMs, endedAtMs, progress } = job;
  return {
    device: devices.get(job.deviceId)?.name ?? '',
    ...{ state, reason, requestedAtMs, deadlineMs, endedAtMs },
    progress: progress && { ...progress },
  };
}

type Devices = ReadonlyMap<string, { readonly name: string; readonly deviceClass: string }>;

async function devicesOf(db: Db, jobs: readonly Job[]): Promise<Devices> {
  const ids = [...new Set(jobs.flatMap((job) => [job, ...job.handOvers]).map(({ deviceId }) => deviceId))];
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('devices')
    .select(['device_id', 'name', 'device_class'])
    .where('device_id', 'in', ids)
    .execute();
  return new Map(rows.map((row) => [row.device_id, { name: row.name, deviceClass: row.device_class }]));
}
