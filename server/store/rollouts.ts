import type { GateVerdict } from '../../shared/gates.ts';
import type { RolloutState, WaveState } from '../../shared/http-api.ts';
import type { InstallationState } from '../../shared/installation.ts';
import type { RunningModel } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import * as events from './events.ts';
import type { RolloutsTable } from './schema.ts';

export interface Rollout {
  readonly rolloutId: string;
  readonly model: string;
  readonly version: string;
  readonly versionDigest: string;
  readonly selector: string;
  readonly gates: readonly string[];
  readonly onFailure: 'roll-back' | 'pause';
  readonly approval: 'gate' | 'manual';
  readonly waveDeadlineMs: number;
  readonly state: RolloutState;
  /** While ROLLING_BACK: the state that follows, in words why, and since when devices return. */
  readonly ending: 'STOPPED' | 'ABORTED' | null;
  readonly endingBecause: string | null;
  readonly returningSinceMs: number | null;
  readonly explanation: string;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly endedAtMs: number | null;
}

export interface Wave {
  readonly index: number;
  readonly state: WaveState;
  readonly startedAtMs: number | null;
  readonly deadlineMs: number | null;
  readonly verdicts: readonly GateVerdict[];
  readonly evidenceKey: string | null;
}

export interface Target {
  readonly deviceId: string;
  readonly waveIndex: number;
  readonly variant: string;
  readonly why: string;
  readonly installationId: string | null;
  readonly judged: boolean;
}

export async function insert(
  tx: Db,
  rollout: Omit<Rollout, 'state' | 'ending' | 'endingBecause' | 'returningSinceMs' | 'endedAtMs'>,
  waveCount: number,
  targets: readonly Omit<Target, 'installationId' | 'judged'>[],
): Promise<void> {
  const { rolloutId } = rollout;
  await tx
    .insertInto('rollouts')
    .values({
      rollout_id: rolloutId,
      model: rollout.model,
      version: rollout.version,
      version_digest: rollout.versionDigest,
      selector: rollout.selector,
      gates_json: JSON.stringify(rollout.gates),
      on_failure: rollout.onFailure,
      approval: rollout.approval,
      wave_deadline_ms: rollout.waveDeadlineMs,
      state: 'RUNNING',
      ending: null,
      ending_because: null,
      returning_since_ms: null,
      explanation: rollout.explanation,
      started_ms: rollout.startedAtMs,
      started_by: rollout.startedBy,
      ended_ms: null,
    })
    .execute();
  for (let index = 0; index < waveCount; index++)
    await tx
      .insertInto('waves')
      .values({
        rollout_id: rolloutId,
        wave_index: index,
        state: 'PENDING',
        started_ms: null,
        deadline_ms: null,
        verdicts_json: '[]',
        evidence_key: null,
      })
      .execute();
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
      })
      .execute();
  await tell(tx, rolloutId, rollout.startedAtMs, { state: 'RUNNING' });
}

export async function update(
  tx: Db,
  rolloutId: string,
  nowMs: number,
  change: Partial<
    Pick<Rollout, 'state' | 'ending' | 'endingBecause' | 'returningSinceMs' | 'explanation' | 'endedAtMs'>
  >,
): Promise<void> {
  const columns: Partial<RolloutsTable> = {
    state: change.state,
    ending: change.ending,
    ending_because: change.endingBecause,
    returning_since_ms: change.returningSinceMs,
    explanation: change.explanation,
    ended_ms: change.endedAtMs,
  };
  await tx.updateTable('rollouts').set(columns).where('rollout_id', '=', rolloutId).execute();
  await tell(tx, rolloutId, nowMs, change);
}

export async function updateWave(
  tx: Db,
  rolloutId: string,
  index: number,
  nowMs: number,
  change: Partial<Omit<Wave, 'index'>>,
): Promise<void> {
  await tx
    .updateTable('waves')
    .set({
      state: change.state,
      started_ms: change.startedAtMs,
      deadline_ms: change.deadlineMs,
      verdicts_json: change.verdicts && JSON.stringify(change.verdicts),
      evidence_key: change.evidenceKey,
    })
    .where('rollout_id', '=', rolloutId)
    .where('wave_index', '=', index)
    .execute();
  if (change.state) await tell(tx, rolloutId, nowMs, { wave: index, waveState: change.state });
}

/** Waves that have not begun will not, and the one under way ends as `running`. */
export async function endWaves(
  tx: Db,
  rolloutId: string,
  running: 'FAILED' | 'CANCELED',
  nowMs: number,
): Promise<void> {
  for (const { index, state } of await wavesOf(tx, rolloutId)) {
    if (state === 'PENDING') await updateWave(tx, rolloutId, index, nowMs, { state: 'CANCELED' });
    if (state === 'RUNNING' || state === 'AWAITING_APPROVAL')
      await updateWave(tx, rolloutId, index, nowMs, { state: running });
  }
}

export async function setTargetInstallation(
  tx: Db,
  rolloutId: string,
  deviceId: string,
  installationId: string,
): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ installation_id: installationId })
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', deviceId)
    .execute();
}

/** The devices of a wave that have ended by now were part of its judgement; those to come are judged by themselves. */
export async function markJudged(tx: Db, rolloutId: string, waveIndex: number): Promise<void> {
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

export async function markDeviceJudged(tx: Db, rolloutId: string, deviceId: string): Promise<void> {
  await tx
    .updateTable('rollout_targets')
    .set({ judged: 1 })
    .where('rollout_id', '=', rolloutId)
    .where('device_id', '=', deviceId)
    .execute();
}

export async function find(db: Db, rolloutId: string): Promise<Rollout | null> {
  return (await select(db).where('rollout_id', '=', rolloutId).execute()).map(toRollout)[0] ?? null;
}

/** Newest first. */
export async function list(db: Db, limit: number): Promise<Rollout[]> {
  return (await select(db).orderBy('rollout_id', 'desc').limit(limit).execute()).map(toRollout);
}

/** Oldest first. */
export async function open(db: Db): Promise<Rollout[]> {
  return (await select(db).where('ended_ms', 'is', null).orderBy('rollout_id').execute()).map(toRollout);
}

/** Those that succeeded while a device had not come yet, which now has ended and was not judged. */
export async function withLateDevices(db: Db): Promise<Rollout[]> {
  const rows = await select(db)
    .where('state', '=', 'SUCCEEDED')
    .where('rollout_id', 'in', (eb) =>
      eb
        .selectFrom('rollout_targets')
        .innerJoin('installations', 'installations.installation_id', 'rollout_targets.installation_id')
        .select('rollout_targets.rollout_id')
        .where('rollout_targets.judged', '=', 0)
        .where('installations.deadline_ms', 'is', null),
    )
    .execute();
  return rows.map(toRollout);
}

/** Open rollouts of a model that have one of these devices among their targets. */
export async function openOver(
  db: Db,
  model: string,
  deviceIds: readonly string[],
): Promise<{ rolloutId: string; version: string; startedBy: string; startedAtMs: number; deviceId: string }[]> {
  const rows = await db
    .selectFrom('rollouts')
    .innerJoin('rollout_targets', 'rollout_targets.rollout_id', 'rollouts.rollout_id')
    .select(['rollouts.rollout_id', 'version', 'started_by', 'started_ms', 'device_id'])
    .where('model', '=', model)
    .where('ended_ms', 'is', null)
    .execute();
  const wanted = new Set(deviceIds);
  return rows
    .filter((row) => wanted.has(row.device_id))
    .map((row) => ({
      rolloutId: row.rollout_id,
      version: row.version,
      startedBy: row.started_by,
      startedAtMs: row.started_ms,
      deviceId: row.device_id,
    }));
}

export async function wavesOf(db: Db, rolloutId: string): Promise<Wave[]> {
  const rows = await db
    .selectFrom('waves')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('wave_index')
    .execute();
  return rows.map((row) => ({
    index: row.wave_index,
    state: row.state as WaveState,
    startedAtMs: row.started_ms,
    deadlineMs: row.deadline_ms,
    verdicts: JSON.parse(row.verdicts_json),
    evidenceKey: row.evidence_key,
  }));
}

/** A target with where its device and its installation stand. */
export interface TargetStanding extends Target {
  readonly device: string;
  readonly deviceClass: string;
  readonly online: boolean;
  readonly revoked: boolean;
  readonly running: readonly RunningModel[];
  readonly installation: {
    readonly state: InstallationState;
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

export async function standingsOf(db: Db, { rolloutId, model }: Rollout): Promise<TargetStanding[]> {
  const rows = await db
    .selectFrom('rollout_targets as target')
    .innerJoin('devices as device', 'device.device_id', 'target.device_id')
    .leftJoin('installations as installation', 'installation.installation_id', 'target.installation_id')
    .leftJoin('installations as before', 'before.installation_id', 'installation.before_installation_id')
    .leftJoin('desired_models as desired', (join) =>
      join
        .onRef('desired.device_id', '=', 'target.device_id')
        .on('desired.model', '=', model)
        .on('desired.role', '=', 'current'),
    )
    .select([
      'target.device_id',
      'target.wave_index',
      'target.variant',
      'target.why',
      'target.installation_id',
      'target.judged',
      'device.name',
      'device.device_class',
      'device.online',
      'device.revoked_ms',
      'device.reported_generation',
      'device.running_json',
      'installation.state',
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
    device: row.name,
    deviceClass: row.device_class,
    online: row.online === 1,
    revoked: row.revoked_ms !== null,
    running: JSON.parse(row.running_json),
    installation:
      row.state === null
        ? null
        : {
            state: row.state as InstallationState,
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

const select = (db: Db) => db.selectFrom('rollouts').selectAll();

const tell = (tx: Db, rolloutId: string, atMs: number, details: Record<string, unknown>) =>
  events.append(tx, { atMs, kind: 'rollout', subject: rolloutId, details });

function toRollout(row: RolloutsTable): Rollout {
  return {
    rolloutId: row.rollout_id,
    model: row.model,
    version: row.version,
    versionDigest: row.version_digest,
    selector: row.selector,
    gates: JSON.parse(row.gates_json),
    onFailure: row.on_failure as Rollout['onFailure'],
    approval: row.approval as Rollout['approval'],
    waveDeadlineMs: row.wave_deadline_ms,
    state: row.state as RolloutState,
    ending: row.ending as Rollout['ending'],
    endingBecause: row.ending_because,
    returningSinceMs: row.returning_since_ms,
    explanation: row.explanation,
    startedAtMs: row.started_ms,
    startedBy: row.started_by,
    endedAtMs: row.ended_ms,
  };
}
