// What a device is told beside what it should run, for installations under way: what its class measured for the variant,
// and how fast it may download. Read when the message is written, so that it is as new as that.
import type { DesiredModel, DesiredState } from '../../shared/desired-state.ts';
import type { Pace } from '../../shared/http-api.ts';
import type { Db } from './database.ts';

export async function withAdvice(db: Db, deviceId: string, desired: DesiredState): Promise<DesiredState> {
  const models: DesiredModel[] = [];
  for (const model of desired.models)
    models.push({ ...model, ...(await historyOf(db, deviceId, model)), ...(await bandwidthOf(db, model)) });
  return { ...desired, models };
}

async function historyOf(
  db: Db,
  deviceId: string,
  { installationId, versionDigest, variant }: DesiredModel,
): Promise<Pick<DesiredModel, 'history'>> {
  const row = await db
    .selectFrom('devices')
    .innerJoin('installations', 'installations.device_id', 'devices.device_id')
    .innerJoin('bench_runs', 'bench_runs.device_class', 'devices.device_class')
    .select(({ fn }) => [
      'devices.device_class',
      fn.countAll<number>().as('runs'),
      fn.max('bench_runs.peak_rss_bytes').as('peak'),
    ])
    .where('devices.device_id', '=', deviceId)
    .where('installations.installation_id', '=', installationId)
    .where('installations.deadline_ms', 'is not', null)
    .where('bench_runs.version_digest', '=', versionDigest)
    .where('bench_runs.variant', '=', variant)
    .groupBy('devices.device_class')
    .executeTakeFirst();
  return row ? { history: { deviceClass: row.device_class, runs: row.runs, peakRssBytes: row.peak } } : {};
}

async function bandwidthOf(
  db: Db,
  { installationId }: DesiredModel,
): Promise<Pick<DesiredModel, 'downloadBytesPerSecond'>> {
  const row = await db
    .selectFrom('installations')
    .innerJoin('rollouts', 'rollouts.rollout_id', 'installations.rollout_id')
    .select('rollouts.pace_json')
    .where('installations.installation_id', '=', installationId)
    .where('installations.deadline_ms', 'is not', null)
    .executeTakeFirst();
  const { downloadBytesPerSecond }: Pace = row ? JSON.parse(row.pace_json) : {};
  return downloadBytesPerSecond === undefined ? {} : { downloadBytesPerSecond };
}
