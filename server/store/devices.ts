import { StillError } from '../../shared/errors.ts';
import type { Labels } from '../../shared/ids.ts';
import type { Inventory } from '../../shared/inventory.ts';
import type { RunningModel, TelemetrySample } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import type { DevicesTable } from './schema.ts';

export interface Device {
  readonly deviceId: string;
  readonly name: string;
  readonly deviceClass: string;
  readonly labels: Labels;
  readonly secretSha256: string;
  readonly tokenId: string | null;
  readonly agentVersion: string | null;
  readonly inventory: Inventory | null;
  readonly running: readonly RunningModel[];
  readonly telemetry: TelemetrySample | null;
  readonly enrolledAtMs: number;
  readonly revoked: boolean;
  readonly online: boolean;
  readonly lastSeenMs: number | null;
  readonly bootId: string | null;
  readonly desiredGeneration: number;
  readonly reportedGeneration: number;
}

export async function insert(
  tx: Db,
  device: Pick<Device, 'deviceId' | 'name' | 'deviceClass' | 'secretSha256' | 'tokenId' | 'enrolledAtMs'> & {
    inventory: Inventory;
  },
): Promise<void> {
  await tx
    .insertInto('devices')
    .values({
      device_id: device.deviceId,
      name: device.name,
      device_class: device.deviceClass,
      secret_sha256: device.secretSha256,
      token_id: device.tokenId,
      agent_version: device.inventory.agentVersion,
      inventory_json: JSON.stringify(device.inventory),
      running_json: '[]',
      telemetry_json: null,
      enrolled_ms: device.enrolledAtMs,
      revoked_ms: null,
      online: 0,
      last_seen_ms: null,
      boot_id: null,
      desired_generation: 0,
      reported_generation: -1,
    })
    .execute();
}

export async function byId(db: Db, deviceId: string): Promise<Device | null> {
  const row = await db.selectFrom('devices').selectAll().where('device_id', '=', deviceId).executeTakeFirst();
  return row ? ((await withLabels(db, [row]))[0] ?? null) : null;
}

/** The device of this name that is not revoked, else the last one that was. */
export async function byName(db: Db, name: string): Promise<Device | null> {
  const row = await db
    .selectFrom('devices')
    .selectAll()
    .where('name', '=', name)
    .orderBy('revoked_ms', (order) => order.desc().nullsFirst())
    .executeTakeFirst();
  return row ? ((await withLabels(db, [row]))[0] ?? null) : null;
}

/** As `byName`. @throws StillError `not_found` */
export async function get(db: Db, name: string): Promise<Device> {
  const device = await byName(db, name);
  if (!device) throw new StillError('not_found', `no device "${name}"; "still devices" lists them`);
  return device;
}

/** One that something may be asked of. @throws StillError `not_found`, `gone` where it was revoked */
export async function inService(db: Db, name: string): Promise<Device> {
  const device = await get(db, name);
  if (device.revoked) throw new StillError('gone', `the device ${name} was revoked; "still devices" lists those left`);
  return device;
}

/** By name. Without the revoked ones. */
export async function list(db: Db): Promise<Device[]> {
  const rows = await db.selectFrom('devices').selectAll().where('revoked_ms', 'is', null).orderBy('name').execute();
  return withLabels(db, rows);
}

export async function update(
  tx: Db,
  deviceId: string,
  change: Partial<{
    deviceClass: string;
    secretSha256: string;
    agentVersion: string;
    inventory: Inventory;
    running: readonly RunningModel[];
    telemetry: TelemetrySample;
    revokedAtMs: number;
    online: boolean;
    lastSeenMs: number;
    bootId: string;
    desiredGeneration: number;
    reportedGeneration: number;
  }>,
): Promise<void> {
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  const columns: Partial<DevicesTable> = {
    device_class: change.deviceClass,
    secret_sha256: change.secretSha256,
    agent_version: change.agentVersion,
    inventory_json: json(change.inventory),
    running_json: json(change.running),
    telemetry_json: json(change.telemetry),
    revoked_ms: change.revokedAtMs,
    online: change.online === undefined ? undefined : Number(change.online),
    last_seen_ms: change.lastSeenMs,
    boot_id: change.bootId,
    desired_generation: change.desiredGeneration,
    reported_generation: change.reportedGeneration,
  };
  await tx.updateTable('devices').set(columns).where('device_id', '=', deviceId).execute();
}

export async function setLabels(tx: Db, deviceId: string, labels: Labels): Promise<void> {
  await tx.deleteFrom('labels').where('device_id', '=', deviceId).execute();
  const rows = Object.entries(labels).map(([key, value]) => ({ device_id: deviceId, key, value }));
  if (rows.length > 0) await tx.insertInto('labels').values(rows).execute();
}

/** The sha256 of a device's secret; null for one that is unknown or revoked. */
export async function credentialOf(db: Db, deviceId: string): Promise<string | null> {
  const row = await db
    .selectFrom('devices')
    .select('secret_sha256')
    .where('device_id', '=', deviceId)
    .where('revoked_ms', 'is', null)
    .executeTakeFirst();
  return row?.secret_sha256 ?? null;
}

/** The little that every sign of life needs. */
export async function presence(
  db: Db,
  deviceId: string,
): Promise<{ name: string; online: boolean; revoked: boolean; bootId: string | null } | null> {
  const row = await db
    .selectFrom('devices')
    .select(['name', 'online', 'revoked_ms', 'boot_id'])
    .where('device_id', '=', deviceId)
    .executeTakeFirst();
  return row
    ? { name: row.name, online: row.online === 1, revoked: row.revoked_ms !== null, bootId: row.boot_id }
    : null;
}

/** Online devices that nothing was heard from since `beforeMs`. */
export async function silentSince(db: Db, beforeMs: number): Promise<{ deviceId: string; name: string }[]> {
  const rows = await db
    .selectFrom('devices')
    .select(['device_id', 'name'])
    // Written out: SQLite uses an index of some rows only where it can tell that these are among them.
    .where('online', '=', (eb) => eb.lit(1))
    .where('last_seen_ms', '<', beforeMs)
    .execute();
  return rows.map((row) => ({ deviceId: row.device_id, name: row.name }));
}

/** When the online device that was silent the longest was heard; null when none is online. */
export async function longestUnheard(db: Db): Promise<number | null> {
  const row = await db
    .selectFrom('devices')
    .select('last_seen_ms')
    .where('online', '=', (eb) => eb.lit(1))
    .where('last_seen_ms', 'is not', null)
    .orderBy('last_seen_ms')
    .limit(1)
    .executeTakeFirst();
  return row?.last_seen_ms ?? null;
}

/** When the server starts it has heard of nobody yet. */
export async function allOffline(tx: Db): Promise<void> {
  await tx.updateTable('devices').set({ online: 0 }).where('online', '=', 1).execute();
}

/** Device → its labels; of one device where `only` is given. */
export async function labelsOf(db: Db, only?: string): Promise<Map<string, Labels>> {
  const rows = await db
    .selectFrom('labels')
    .selectAll()
    .$if(only !== undefined, (query) => query.where('device_id', '=', only as string))
    .orderBy('key')
    .execute();
  const byDevice = Map.groupBy(rows, ({ device_id }) => device_id);
  return new Map(
    [...byDevice].map(([deviceId, own]) => [deviceId, Object.fromEntries(own.map(({ key, value }) => [key, value]))]),
  );
}

/** Device → its labels of these names; devices that have none of them are left out. */
export async function labelsNamed(db: Db, names: readonly string[]): Promise<Map<string, Labels>> {
  const rows = await db.selectFrom('labels').selectAll().where('key', 'in', names).execute();
  const named = new Map<string, Labels>();
  for (const { device_id, key, value } of rows) named.set(device_id, { ...named.get(device_id), [key]: value });
  return named;
}

async function withLabels(db: Db, rows: readonly DevicesTable[]): Promise<Device[]> {
  const labels = await labelsOf(db, rows.length === 1 ? rows[0]?.device_id : undefined);
  return rows.map((row) => ({
    deviceId: row.device_id,
    name: row.name,
    deviceClass: row.device_class,
    labels: labels.get(row.device_id) ?? {},
    secretSha256: row.secret_sha256,
    tokenId: row.token_id,
    agentVersion: row.agent_version,
    inventory: row.inventory_json === null ? null : JSON.parse(row.inventory_json),
    running: JSON.parse(row.running_json),
    telemetry: row.telemetry_json === null ? null : JSON.parse(row.telemetry_json),
    enrolledAtMs: row.enrolled_ms,
    revoked: row.revoked_ms !== null,
    online: row.online === 1,
    lastSeenMs: row.last_seen_ms,
    bootId: row.boot_id,
    desiredGeneration: row.desired_generation,
    reportedGeneration: row.reported_generation,
  }));
}

/** Throws when the database cannot be read. */
export async function isReadable(db: Db): Promise<void> {
  await db.selectFrom('devices').select('device_id').limit(1).execute();
}
