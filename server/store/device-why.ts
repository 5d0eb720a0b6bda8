// Why a device runs what it runs: told from what is only ever appended (transitions, decisions) and from the targets as
// they were chosen.
import type { DecisionView, DeviceWhy } from '../../shared/http-api.ts';
import type { Db } from './database.ts';
import * as decisions from './decisions.ts';
import type { Device } from './devices.ts';
import * as installations from './installations.ts';

type Fact = DeviceWhy['models'][number]['because'][number];

export async function viewDeviceWhy(db: Db, device: Device): Promise<DeviceWhy> {
  const all = await installations.ofDevice(db, device.deviceId);
  const models = [...Map.groupBy(all, ({ model }) => model)].map(([model, own]) => ({ model, own }));
  const views: DeviceWhy['models'] = [];
  for (const { model, own } of models) {
    const runs = device.running.find((one) => one.model === model && one.role === 'current') ?? null;
    const root = own.findIndex(({ installationId }) => installationId === runs?.installationId);
    // What runs, and whatever was tried since; where nothing runs, everything that was tried.
    const told = own.slice(Math.max(0, root));
    const because: Fact[] = [];
    for (const installation of told) because.push(...(await factsOf(db, device, installation)));
    views.push({
      ...{ model, version: runs?.version ?? null, variant: runs?.variant ?? null },
      because: because.toSorted((a, b) => a.atMs - b.atMs),
    });
  }
  return { device: device.name, models: views };
}

async function factsOf(db: Db, device: Device, installation: installations.Installation): Promise<Fact[]> {
  const { rolloutId, installationId, version, variant, createdAtMs } = installation;
  const transitions = await installations.transitionsOf(db, installationId);
  const what = `${version}${rolloutId === null ? ', installed again because the device had lost it' : ''}`;
  return [
    ...(rolloutId === null ? [] : await rolloutFacts(db, device, rolloutId)),
    {
      atMs: createdAtMs,
      what: `told to install ${what}, variant ${variant}${installation.role === 'shadow' ? ', as a shadow' : ''}`,
    },
    ...transitions
      .filter(({ to }) => installations.hasEnded({ state: to }))
      .map(({ to, atMs, reason }) => ({ atMs, what: `${version} ${to}${reason ? `: ${reason.message}` : ''}` })),
    ...(installation.supersededAtMs === null
      ? []
      : [{ atMs: installation.supersededAtMs, what: `no longer told to run ${version}` }]),
  ];
}

async function rolloutFacts(db: Db, device: Device, rolloutId: string): Promise<Fact[]> {
  const target = await db
    .selectFrom('rollout_targets')
    .select(['wave_index', 'variant', 'why'])
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', device.deviceId)
    .executeTakeFirst();
  const told = (await decisions.of(db, rolloutId)).filter((one) => concerns(one, target?.wave_index ?? 0, device.name));
  const facts = told.map(({ atMs, kind, actor, explanation }) => ({
    atMs,
    what: kind === 'start' ? `rollout ${rolloutId}, started by ${actor}: ${explanation}` : `${explanation} (${actor})`,
  }));
  const startedAtMs = told[0]?.atMs ?? 0;
  return target ? [...facts, { atMs: startedAtMs, what: `variant ${target.variant}: ${target.why}` }] : facts;
}

/** Of other waves and other devices only what touched the whole rollout, and who let the device's wave begin. */
function concerns({ kind, wave, evidence }: DecisionView, ownWave: number, name: string): boolean {
  if (kind === 'retry' || kind === 'judge-late') return evidence.device === name;
  if (kind === 'approve' && wave === ownWave - 1) return true;
  return kind !== 'measure-again' && (wave === null || wave === ownWave);
}
