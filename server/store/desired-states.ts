// What each device should run. Saving a new generation and owing it to the device is one thing.
import type { DesiredModel, DesiredState } from '../../shared/desired-state.ts';
import type { InstallationReason } from '../../shared/installation.ts';
import type { Desired } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import { withAdvice } from './desired-advice.ts';
import * as devices from './devices.ts';
import * as installations from './installations.ts';
import { type Installation, toInstallation } from './installations.ts';
import * as outgoing from './outgoing.ts';

/** The installations that the newest generation names. */
export async function installationsOf(db: Db, deviceId: string): Promise<Installation[]> {
  const rows = await db
    .selectFrom('desired_models')
    .innerJoin('installations', 'installations.installation_id', 'desired_models.installation_id')
    .selectAll('installations')
    .where('desired_models.device_id', '=', deviceId)
    .orderBy('desired_models.model')
    .orderBy('desired_models.role')
    .execute();
  return rows.map(toInstallation);
}

export async function load(db: Db, deviceId: string): Promise<DesiredState> {
  const { desired_generation: generation } = await db
    .selectFrom('devices')
    .select('desired_generation')
    .where('device_id', '=', deviceId)
    .executeTakeFirstOrThrow();
  return { generation, models: (await installationsOf(db, deviceId)).map(toDesiredModel) };
}

/** Device id → the committed version that its desired state names as the current one of a model. */
export async function currentOf(
  db: Db,
  model: string,
): Promise<Map<string, Pick<Installation, 'installationId' | 'version' | 'versionDigest' | 'variant'>>> {
  const rows = await db
    .selectFrom('desired_models')
    .innerJoin('installations', 'installations.installation_id', 'desired_models.installation_id')
    .selectAll('installations')
    .where('desired_models.model', '=', model)
    .where('desired_models.role', '=', 'current')
    .where('installations.state', '=', 'COMMITTED')
    .execute();
  return new Map(rows.map(toInstallation).map((installation) => [installation.deviceId, installation]));
}

/** What runs as a shadow becomes current under its own installation; what it replaces is its way back. */
export async function promote(tx: Db, shadow: Installation, nowMs: number): Promise<void> {
  const { deviceId, model, installationId } = shadow;
  const present = await load(tx, deviceId);
  const replaced = (await installationsOf(tx, deviceId)).find((one) => one.model === model && one.role === 'current');
  if (replaced) await installations.markSuperseded(tx, replaced.installationId, nowMs);
  await installations.becomeCurrent(tx, installationId, replaced?.installationId ?? null);
  const models = present.models.filter((one) => one.model !== model);
  const current = toDesiredModel({ ...shadow, role: 'current' });
  await save(tx, deviceId, { generation: present.generation + 1, models: [...models, current] }, nowMs);
}

export interface Placement {
  readonly deviceId: string;
  readonly model: string;
  readonly role: 'current' | 'shadow';
  /** What takes the place; null empties it. */
  readonly installation: Installation | null;
  /** What becomes of an installation in the place that its device has not heard of yet. */
  readonly calledOff: { readonly to: 'CANCELED' | 'SUPERSEDED'; readonly reason: InstallationReason };
}

/** Puts an installation into its place on a device, or empties the place: the next generation. */
export async function place(tx: Db, placement: Placement, nowMs: number): Promise<void> {
  const { deviceId, model, role, installation, calledOff } = placement;
  const present = await load(tx, deviceId);
  const replaced = (await installationsOf(tx, deviceId)).find((one) => one.model === model && one.role === role);
  if (replaced?.installationId === installation?.installationId) return;
  if (replaced?.state === 'QUEUED') await installations.move(tx, replaced, { ...calledOff, atMs: nowMs });
  else if (replaced && !installations.hasEnded(replaced))
    await installations.markSuperseded(tx, replaced.installationId, nowMs);
  await save(tx, deviceId, nextDesired(present, { model, role, installation }), nowMs);
}

/** Where a device's desired state names `installation`, it names from now on what ran there before, if anything did. */
export async function withdraw(
  tx: Db,
  installation: Installation,
  calledOff: Placement['calledOff'],
  nowMs: number,
): Promise<void> {
  const { deviceId, model, role, installationId, beforeInstallationId } = installation;
  const named = (await installationsOf(tx, deviceId)).some((one) => one.installationId === installationId);
  if (!named) return;
  const before = beforeInstallationId === null ? null : await installations.find(tx, beforeInstallationId);
  await place(tx, { deviceId, model, role, installation: before, calledOff }, nowMs);
}

/** Generations only grow: the way back is a new one, too. */
function nextDesired(
  present: DesiredState,
  { model, role, installation }: Pick<Placement, 'model' | 'role' | 'installation'>,
): DesiredState {
  const others = present.models.filter((one) => one.model !== model || one.role !== role);
  return {
    generation: present.generation + 1,
    models: installation ? [...others, toDesiredModel(installation)] : others,
  };
}

/** Every installation that `next` names must be stored. */
export async function save(tx: Db, deviceId: string, next: DesiredState, nowMs: number): Promise<void> {
  await devices.update(tx, deviceId, { desiredGeneration: next.generation });
  await tx.deleteFrom('desired_models').where('device_id', '=', deviceId).execute();
  const rows = next.models.map(({ model, role, installationId }) => ({
    device_id: deviceId,
    model,
    role,
    installation_id: installationId,
  }));
  if (rows.length > 0) await tx.insertInto('desired_models').values(rows).execute();
  await owe(tx, deviceId, next, nowMs);
}

export async function owe(tx: Db, deviceId: string, next: DesiredState, nowMs: number): Promise<void> {
  const desired = await withAdvice(tx, deviceId, next);
  await outgoing.owe(tx, { deviceId, kind: 'desired', payload: { sentAtMs: nowMs, desired } satisfies Desired });
}

function toDesiredModel(installation: Installation): DesiredModel {
  const { installationId, model, version, versionDigest, variant, role, probe } = installation;
  return { installationId, model, version, versionDigest, variant, role, probe };
}

/** Of a device that is no longer ours. */
export async function clear(tx: Db, deviceId: string): Promise<void> {
  await tx.deleteFrom('desired_models').where('device_id', '=', deviceId).execute();
}
