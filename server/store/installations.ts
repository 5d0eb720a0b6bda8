import type { BenchMode } from '../../shared/bench.ts';
import { type InstallationReason, type InstallationState, installationTable } from '../../shared/installation.ts';
import { deadlineOf, isFinal } from '../../shared/machine.ts';
import type { Db } from './database.ts';
import * as events from './events.ts';
import type { InstallationsTable } from './schema.ts';

export interface Installation {
  readonly installationId: string;
  readonly deviceId: string;
  readonly rolloutId: string | null;
  readonly model: string;
  readonly version: string;
  readonly versionDigest: string;
  readonly variant: string;
  readonly role: 'current' | 'shadow';
  readonly probe: BenchMode;
  readonly generation: number;
  /** The installation that ran in this place before; null when none did. */
  readonly beforeInstallationId: string | null;
  readonly state: InstallationState;
  readonly sinceMs: number;
  readonly deadlineMs: number | null;
  readonly reason: InstallationReason | null;
  readonly createdAtMs: number;
  /** When the desired state stopped naming it; null while it does. */
  readonly supersededAtMs: number | null;
}

/** A new installation stands in QUEUED. */
export type NewInstallation = Omit<Installation, 'state' | 'sinceMs' | 'deadlineMs' | 'reason' | 'supersededAtMs'>;

export async function insert(tx: Db, installation: NewInstallation): Promise<void> {
  await tx
    .insertInto('installations')
    .values({
      installation_id: installation.installationId,
      device_id: installation.deviceId,
      rollout_id: installation.rolloutId,
      model: installation.model,
      version: installation.version,
      version_digest: installation.versionDigest,
      variant: installation.variant,
      role: installation.role,
      probe: installation.probe,
      generation: installation.generation,
      before_installation_id: installation.beforeInstallationId,
      state: 'QUEUED',
      since_ms: installation.createdAtMs,
      deadline_ms: deadlineOf(installationTable, 'QUEUED', installation.createdAtMs),
      reason_json: null,
      created_ms: installation.createdAtMs,
      superseded_ms: null,
    })
    .execute();
}

export interface Move {
  readonly to: InstallationState;
  readonly atMs: number;
  readonly reason?: InstallationReason;
  /** The report that told it. */
  readonly reportSeq?: number;
}

/** Stores one transition that the caller has found legal, and tells those who watch. */
export async function move(tx: Db, from: Installation, { to, atMs, reason, reportSeq }: Move): Promise<Installation> {
  const reasonJson = reason ? JSON.stringify(reason) : null;
  const deadlineMs = deadlineOf(installationTable, to, atMs);
  await tx
    .updateTable('installations')
    .set({ state: to, since_ms: atMs, deadline_ms: deadlineMs, reason_json: reasonJson })
    .where('installation_id', '=', from.installationId)
    .execute();
  await tx
    .insertInto('transitions')
    .values({
      installation_id: from.installationId,
      device_id: from.deviceId,
      from_state: from.state,
      to_state: to,
      at_ms: atMs,
      report_seq: reportSeq ?? null,
      reason_json: reasonJson,
    })
    .execute();
  const { deviceId, rolloutId, model, version } = from;
  await events.append(tx, {
    atMs,
    kind: 'installation',
    subject: from.installationId,
    details: { deviceId, rolloutId, model, version, from: from.state, state: to, ...(reason && { reason }) },
  });
  return { ...from, state: to, sinceMs: atMs, deadlineMs, reason: reason ?? null };
}

export async function markSuperseded(tx: Db, installationId: string, atMs: number): Promise<void> {
  await tx
    .updateTable('installations')
    .set({ superseded_ms: atMs })
    .where('installation_id', '=', installationId)
    .where('superseded_ms', 'is', null)
    .execute();
}

/** A shadow was promoted: from now on it stands in the current place, and goes back to what stood there. */
export async function becomeCurrent(
  tx: Db,
  installationId: string,
  beforeInstallationId: string | null,
): Promise<void> {
  await tx
    .updateTable('installations')
    .set({ role: 'current', before_installation_id: beforeInstallationId })
    .where('installation_id', '=', installationId)
    .execute();
}

export async function find(db: Db, installationId: string): Promise<Installation | null> {
  const rows = await select(db).where('installation_id', '=', installationId).execute();
  return rows.map(toInstallation)[0] ?? null;
}

export async function ofRollout(db: Db, rolloutId: string): Promise<Installation[]> {
  const rows = await select(db).where('rollout_id', '=', rolloutId).orderBy('installation_id').execute();
  return rows.map(toInstallation);
}

/** When those of a rollout were begun since then, each attempt by itself; UTC milliseconds. */
export const begunSince = async (db: Db, rolloutId: string, sinceMs: number): Promise<number[]> =>
  (
    await db
      .selectFrom('installations')
      .select('created_ms')
      .where('rollout_id', '=', rolloutId)
      .where('created_ms', '>', sinceMs)
      .execute()
  ).map((row) => row.created_ms);

export async function openOf(db: Db, deviceId: string): Promise<Installation[]> {
  const rows = await select(db)
    .where('device_id', '=', deviceId)
    .where('deadline_ms', 'is not', null)
    .orderBy('installation_id')
    .execute();
  return rows.map(toInstallation);
}

/** Open ones that were superseded before, or whose deadline is before, the given times. */
export async function overdue(
  db: Db,
  { deadlineBeforeMs, supersededBeforeMs }: { deadlineBeforeMs: number; supersededBeforeMs: number },
): Promise<Installation[]> {
  const rows = await select(db)
    .where('deadline_ms', 'is not', null)
    .where((eb) => eb.or([eb('deadline_ms', '<', deadlineBeforeMs), eb('superseded_ms', '<', supersededBeforeMs)]))
    .execute();
  return rows.map(toInstallation);
}

/** The earliest deadline of those that are open, or the earliest time at which one was superseded, UTC milliseconds. */
export async function nextDue(db: Db): Promise<number | null> {
  const row = await db
    .selectFrom('installations')
    .select(({ fn }) => [fn.min('deadline_ms').as('deadline'), fn.min('superseded_ms').as('superseded')])
    .where('deadline_ms', 'is not', null)
    .executeTakeFirst();
  const due = [row?.deadline, row?.superseded].filter((time) => typeof time === 'number');
  return due.length > 0 ? Math.min(...due) : null;
}

/** Of each device: those that have not ended, and the last one that has; newest first. */
export async function presentOf(db: Db, deviceIds: readonly string[] | null): Promise<Map<string, Installation[]>> {
  const rows = await select(db)
    .$if(deviceIds !== null, (query) => query.where('device_id', 'in', deviceIds ?? []))
    .where((eb) =>
      eb.or([
        eb('deadline_ms', 'is not', null),
        eb(
          'installation_id',
          'in',
          eb
            .selectFrom('installations as ended')
            .select(({ fn }) => fn.max('ended.installation_id').as('newest'))
            .where('ended.deadline_ms', 'is', null)
            .groupBy('ended.device_id'),
        ),
      ]),
    )
    .orderBy('installation_id', 'desc')
    .execute();
  return Map.groupBy(rows.map(toInstallation), ({ deviceId }) => deviceId);
}

/** Every installation of a device, oldest first. */
export async function ofDevice(db: Db, deviceId: string): Promise<Installation[]> {
  const rows = await select(db).where('device_id', '=', deviceId).orderBy('installation_id').execute();
  return rows.map(toInstallation);
}

export async function transitionsOf(
  db: Db,
  installationId: string,
): Promise<{ to: InstallationState; atMs: number; reason: InstallationReason | null }[]> {
  const rows = await db
    .selectFrom('transitions')
    .select(['to_state', 'at_ms', 'reason_json'])
    .where('installation_id', '=', installationId)
    .orderBy('transition_id')
    .execute();
  return rows.map((row) => ({
    to: row.to_state as InstallationState,
    atMs: row.at_ms,
    reason: row.reason_json === null ? null : JSON.parse(row.reason_json),
  }));
}

/** Whether an installation ever came into a state. */
export async function hasPassed(db: Db, installationId: string, state: InstallationState): Promise<boolean> {
  const row = await db
    .selectFrom('transitions')
    .select('transition_id')
    .where('installation_id', '=', installationId)
    .where('to_state', '=', state)
    .executeTakeFirst();
  return row !== undefined;
}

/** Ids of the devices on which a rollout's version was ever switched on. */
export async function activatedOn(db: Db, rolloutId: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('transitions')
    .innerJoin('installations', 'installations.installation_id', 'transitions.installation_id')
    .select('transitions.device_id')
    .distinct()
    .where('installations.rollout_id', '=', rolloutId)
    .where('transitions.to_state', '=', 'ACTIVATING')
    .execute();
  return new Set(rows.map((row) => row.device_id));
}

/** The newest that was committed of a version on a device. */
export async function committedOf(db: Db, deviceId: string, versionDigest: string): Promise<Installation | null> {
  const rows = await select(db)
    .where('device_id', '=', deviceId)
    .where('version_digest', '=', versionDigest)
    .where('state', '=', 'COMMITTED')
    .orderBy('installation_id', 'desc')
    .limit(1)
    .execute();
  return rows.map(toInstallation)[0] ?? null;
}

export const hasEnded = ({ state }: Pick<Installation, 'state'>): boolean => isFinal(installationTable, state);

const select = (db: Db) => db.selectFrom('installations').selectAll();

export function toInstallation(row: InstallationsTable): Installation {
  return {
    installationId: row.installation_id,
    deviceId: row.device_id,
    rolloutId: row.rollout_id,
    model: row.model,
    version: row.version,
    versionDigest: row.version_digest,
    variant: row.variant,
    role: row.role as Installation['role'],
    probe: row.probe as BenchMode,
    generation: row.generation,
    beforeInstallationId: row.before_installation_id,
    state: row.state as InstallationState,
    sinceMs: row.since_ms,
    deadlineMs: row.deadline_ms,
    reason: row.reason_json === null ? null : JSON.parse(row.reason_json),
    createdAtMs: row.created_ms,
    supersededAtMs: row.superseded_ms,
  };
}
