// The devices of a rollout, frozen at its start, and where each of them stands.
import type { InstallationReason, InstallationState } from '../../shared/installation.ts';
import type { RunningModel } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import type { Rollout } from './rollouts.ts';

export interface Target {
  readonly deviceId: string;
  readonly waveIndex: number;
  readonly variant: string;
  readonly why: string;
  readonly installationId: string | null;
  readonly judged: boolean;
  /** It came after its wave was judged, and counts among those until somebody resumes the rollout. */
  readonly countedLate: boolean;
  /** Installations begun so far. */
  readonly attempts: number;
  readonly evidenceKey: string | null;
  /** The rollout that took the device over. */
  readonly takenBy: string | null;
}

export async function insert(
  tx: Db,
  rolloutId: string,
  targets: readonly Pick<Target, 'deviceId' | 'waveIndex' | 'variant' | 'why'>[],
): Promise<void> {
  for (const target of targets)
    await tx
      .insertInto('rollout_targets')
      .values({
        rollout_id: rolloutId,
        device_id: target.deviceId,
        wave_index: target.waveIndex,
        variant: target.variant,
        why: target.why,
        installation_id: null,
        judged: 0,
        counted_late: 0,
        attempts: 0,
        evidence_key: null,
        taken_by: null,
      })
      .execute();
}

export async function setInstallation(
  tx: Db,
  { rolloutId, deviceId, installationId }: Record<'rolloutId' | 'deviceId' | 'installationId', string>,
): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set((eb) => ({
      installation_id: installationId,
      attempts: eb('attempts', '+', 1),
      judged: 0,
      counted_late: 0,
    }))
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', deviceId)
    .execute();
}

/** The devices of a wave that have ended by now were part of its judgement; those to come are judged by themselves. */
export async function markWaveJudged(tx: Db, rolloutId: string, waveIndex: number): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ judged: 1 })
    .where('rollout_id', '=', rolloutId)
    .where('wave_index', '=', waveIndex)
    .where('installation_id', 'in', (eb) =>
      eb.selectFrom('installations').select('installations.installation_id').where('deadline_ms', 'is', null),
    )
    .execute();
}

export async function markDeviceJudged(
  tx: Db,
  rolloutId: string,
  deviceId: string,
  countedLate: boolean,
): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ judged: 1, counted_late: Number(countedLate) })
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', deviceId)
    .execute();
}

/** Those that come late from now on are counted anew. */
export async function forgetLate(tx: Db, rolloutId: string): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ counted_late: 0 })
    .where('rollout_id', '=', rolloutId)
    .where('counted_late', '=', 1)
    .execute();
}

export async function setEvidenceKey(tx: Db, rolloutId: string, deviceId: string, key: string): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ evidence_key: key })
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', deviceId)
    .execute();
}

/** From now on these devices belong to a rollout; no other one of the model in its role starts or judges anything there. */
export async function take(
  tx: Db,
  { rolloutId: takenBy, model, role }: Pick<Rollout, 'rolloutId' | 'model' | 'role'>,
  deviceIds: readonly string[],
): Promise<void> {
  for (const deviceId of deviceIds)
    await tx
      .updateTable('rollout_targets')
      .set({ taken_by: takenBy })
      .where('device_id', '=', deviceId)
      .where('rollout_id', '!=', takenBy)
      .where('taken_by', 'is', null)
      .where('rollout_id', 'in', (eb) =>
        eb.selectFrom('rollouts').select('rollouts.rollout_id').where('model', '=', model).where('role', '=', role),
      )
      .execute();
}

/** A target with where its device and its installation stand. */
export interface TargetStanding extends Target {
  readonly device: string;
  readonly deviceClass: string;
  readonly online: boolean;
  readonly revoked: boolean;
  /** What it says that it runs; read when asked, for most decisions do not look. */
  readonly running: () => readonly RunningModel[];
  readonly installation: {
    readonly state: InstallationState;
    readonly sinceMs: number;
    readonly reasonCode: InstallationReason['code'] | null;
    readonly createdAtMs: number;
    /** The device has told that it knows of it; that a message was sent proves nothing yet. */
    readonly contacted: boolean;
  } | null;
  /** What ran in the same place before; null when nothing did. */
  readonly before: {
    readonly installationId: string;
    readonly version: string;
    readonly versionDigest: string;
    readonly variant: string;
  } | null;
  /** The installation that the device's desired state names in this place. */
  readonly desiredInstallationId: string | null;
}

export async function standingsOf(db: Db, { rolloutId, model, role }: Rollout): Promise<TargetStanding[]> {
  const rows = await db
    .selectFrom('rollout_targets as target')
    .innerJoin('devices as device', 'device.device_id', 'target.device_id')
    .leftJoin('installations as installation', 'installation.installation_id', 'target.installation_id')
    .leftJoin('installations as before', 'before.installation_id', 'installation.before_installation_id')
    .leftJoin('desired_models as desired', (join) =>
      join
        .onRef('desired.device_id', '=', 'target.device_id')
        .on('desired.model', '=', model)
        .on('desired.role', '=', role),
    )
    .select([
      'target.device_id',
      'target.wave_index',
      'target.variant',
      'target.why',
      'target.installation_id',
      'target.judged',
      'target.counted_late',
      'target.attempts',
      'target.evidence_key',
      'target.taken_by',
      'device.name',
      'device.device_class',
      'device.online',
      'device.revoked_ms',
      'device.reported_generation',
      'device.running_json',
      'installation.state',
      'installation.since_ms',
      'installation.reason_json',
      'installation.generation',
      'installation.created_ms',
      'before.installation_id as before_id',
      'before.version as before_version',
      'before.version_digest as before_digest',
      'before.variant as before_variant',
      'desired.installation_id as desired_id',
    ])
    .where('target.rollout_id', '=', rolloutId)
    .orderBy('target.wave_index')
    .orderBy('device.name')
    .execute();
  return rows.map((row) => ({
    deviceId: row.device_id,
    waveIndex: row.wave_index,
    variant: row.variant,
    why: row.why,
    installationId: row.installation_id,
    judged: row.judged === 1,
    countedLate: row.counted_late === 1,
    attempts: row.attempts,
    evidenceKey: row.evidence_key,
    takenBy: row.taken_by,
    device: row.name,
    deviceClass: row.device_class,
    online: row.online === 1,
    revoked: row.revoked_ms !== null,
    running: () => JSON.parse(row.running_json),
    installation:
      row.state === null
        ? null
        : {
            state: row.state as InstallationState,
            sinceMs: row.since_ms ?? 0,
            reasonCode: row.reason_json === null ? null : JSON.parse(row.reason_json).code,
            createdAtMs: row.created_ms ?? 0,
            contacted:
              (row.state !== 'QUEUED' && row.state !== 'NOTIFIED') ||
              row.reported_generation >= (row.generation ?? Infinity),
          },
    before:
      row.before_id === null
        ? null
        : {
            installationId: row.before_id,
            version: row.before_version ?? '',
            versionDigest: row.before_digest ?? '',
            variant: row.before_variant ?? '',
          },
    desiredInstallationId: row.desired_id,
  }));
}
