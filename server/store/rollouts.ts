import { StillError } from '../../shared/errors.ts';
import type { Pace, RolloutState } from '../../shared/http-api.ts';
import type { Db } from './database.ts';
import * as events from './events.ts';
import type { RolloutsTable } from './schema-rollouts.ts';

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
  /** Of the gates' intervals, 0–1. */
  readonly confidence: number;
  readonly pace: Pace;
  /** How often a device that failed tries again. */
  readonly retries: number;
  readonly priority: number;
  /** Until when devices that come to match are taken, too; null where the devices were frozen at the start. */
  readonly dynamicUntilMs: number | null;
  readonly wantedVariant: string | null;
  /** Since when and why it takes no late devices; null while it does. */
  readonly lateHold: { readonly sinceMs: number; readonly because: string } | null;
  /** `shadow`: its version runs beside the current one until it is promoted. */
  readonly role: 'current' | 'shadow';
  /** Grows with every command and every change of state: what a second operator compares with. */
  readonly revision: number;
  readonly changedBy: string;
  readonly changedWhat: string;
  readonly changedAtMs: number;
}

type Made = 'state' | 'ending' | 'endingBecause' | 'returningSinceMs' | 'endedAtMs' | 'lateHold';
type Changed = 'revision' | 'changedBy' | 'changedWhat' | 'changedAtMs';

export async function insert(tx: Db, rollout: Omit<Rollout, Made | Changed>): Promise<void> {
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
      confidence: rollout.confidence,
      pace_json: JSON.stringify(rollout.pace),
      retries: rollout.retries,
      priority: rollout.priority,
      dynamic_until_ms: rollout.dynamicUntilMs,
      wanted_variant: rollout.wantedVariant,
      late_held_ms: null,
      late_held_because: null,
      role: rollout.role,
      revision: 1,
      changed_by: rollout.startedBy,
      changed_what: 'started',
      changed_ms: rollout.startedAtMs,
    })
    .execute();
  await tell(tx, rolloutId, rollout.startedAtMs, { state: 'RUNNING' });
}

export type RolloutChange = Partial<
  Pick<
    Rollout,
    'state' | 'ending' | 'endingBecause' | 'returningSinceMs' | 'explanation' | 'endedAtMs' | 'role' | 'lateHold'
  >
>;

/** A command of an operator, which counts as a change also where the state stays. */
export interface Command {
  readonly actor: string;
  /** In the past tense: `paused`. */
  readonly what: string;
}

/** @param by who changed it; left out, the server did */
export async function update(
  tx: Db,
  rolloutId: string,
  nowMs: number,
  change: RolloutChange,
  by?: Command,
): Promise<void> {
  const counts = by !== undefined || change.state !== undefined;
  await tx
    .updateTable('rollouts')
    .set((eb) => ({
      state: change.state,
      ending: change.ending,
      ending_because: change.endingBecause,
      returning_since_ms: change.returningSinceMs,
      explanation: change.explanation,
      ended_ms: change.endedAtMs,
      role: change.role,
      ...(change.lateHold !== undefined && {
        late_held_ms: change.lateHold?.sinceMs ?? null,
        late_held_because: change.lateHold?.because ?? null,
      }),
      ...(counts && {
        revision: eb('revision', '+', 1),
        changed_by: by?.actor ?? 'the server',
        changed_what: by?.what ?? `set to ${change.state}`,
        changed_ms: nowMs,
      }),
    }))
    .where('rollout_id', '=', rolloutId)
    .execute();
  await tell(tx, rolloutId, nowMs, { ...change });
}

export async function find(db: Db, rolloutId: string): Promise<Rollout | null> {
  return (await select(db).where('rollout_id', '=', rolloutId).execute()).map(toRollout)[0] ?? null;
}

/** @throws StillError `not_found` */
export async function get(db: Db, rolloutId: string): Promise<Rollout> {
  const rollout = await find(db, rolloutId);
  if (!rollout) throw new StillError('not_found', `no rollout ${rolloutId}; "still rollout list" lists them`);
  return rollout;
}

/** Newest first. */
export async function list(db: Db, limit: number): Promise<Rollout[]> {
  return (await select(db).orderBy('rollout_id', 'desc').limit(limit).execute()).map(toRollout);
}

/** Oldest first. */
export async function open(db: Db): Promise<Rollout[]> {
  return (await select(db).where('ended_ms', 'is', null).orderBy('rollout_id').execute()).map(toRollout);
}

/** Those that succeeded while a device had not come yet, which now is there and may begin, or has ended and was not judged. */
export async function withLateDevices(db: Db): Promise<Rollout[]> {
  const rows = await select(db)
    .where('state', '=', 'SUCCEEDED')
    .where((of) =>
      of.exists(
        of
          .selectFrom('rollout_targets')
          .innerJoin('devices', 'devices.device_id', 'rollout_targets.device_id')
          .leftJoin('installations', 'installations.installation_id', 'rollout_targets.installation_id')
          .select('rollout_targets.rollout_id')
          .whereRef('rollout_targets.rollout_id', '=', 'rollouts.rollout_id')
          // Written out, for the index of those.
          .where('rollout_targets.judged', '=', of.lit(0))
          .where('rollout_targets.taken_by', 'is', null)
          .where('devices.revoked_ms', 'is', null)
          .where((or) =>
            or.or([
              or.and([
                or('rollouts.late_held_ms', 'is', null),
                or('installations.installation_id', 'is', null),
                or('devices.online', '=', 1),
              ]),
              or.and([
                or('installations.installation_id', 'is not', null),
                or('installations.deadline_ms', 'is', null),
              ]),
            ]),
          ),
      ),
    )
    .execute();
  return rows.map(toRollout);
}

/** Open rollouts of a model in a role that have one of these devices among their targets. */
export async function openOver(
  db: Db,
  { model, role }: Pick<Rollout, 'model' | 'role'>,
  deviceIds: readonly string[],
): Promise<(Rollout & { deviceId: string })[]> {
  const rows = await db
    .selectFrom('rollouts')
    .innerJoin('rollout_targets', 'rollout_targets.rollout_id', 'rollouts.rollout_id')
    .selectAll('rollouts')
    .select('rollout_targets.device_id')
    .where('model', '=', model)
    .where('role', '=', role)
    .where('ended_ms', 'is', null)
    .where('rollout_targets.taken_by', 'is', null)
    .execute();
  const wanted = new Set(deviceIds);
  return rows.filter((row) => wanted.has(row.device_id)).map((row) => ({ ...toRollout(row), deviceId: row.device_id }));
}

const select = (db: Db) => db.selectFrom('rollouts').selectAll();

/** To those who watch. */
export const tell = (tx: Db, rolloutId: string, atMs: number, details: Record<string, unknown>) =>
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
    confidence: row.confidence,
    pace: JSON.parse(row.pace_json),
    retries: row.retries,
    priority: row.priority,
    dynamicUntilMs: row.dynamic_until_ms,
    wantedVariant: row.wanted_variant,
    lateHold: row.late_held_ms === null ? null : { sinceMs: row.late_held_ms, because: row.late_held_because ?? '' },
    role: row.role as Rollout['role'],
    revision: row.revision,
    changedBy: row.changed_by,
    changedWhat: row.changed_what,
    changedAtMs: row.changed_ms,
  };
}
