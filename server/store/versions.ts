import { StillError } from '../../shared/errors.ts';
import type { VersionRef } from '../../shared/ids.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { Db } from './database.ts';

export interface Version {
  readonly versionDigest: string;
  readonly model: string;
  readonly version: string;
  readonly licence: string;
  readonly publishedAtMs: number;
  readonly sizeBytes: number;
  readonly manifest: Manifest;
  /** Canonical JSON, byte for byte what the digest is over. */
  readonly manifestText: string;
}

export async function insert(tx: Db, version: Omit<Version, 'manifest'>, sha256: readonly string[]): Promise<void> {
  await tx
    .insertInto('versions')
    .values({
      version_digest: version.versionDigest,
      model: version.model,
      version: version.version,
      licence: version.licence,
      manifest: version.manifestText,
      published_ms: version.publishedAtMs,
      size_bytes: version.sizeBytes,
    })
    .execute();
  for (const digest of new Set(sha256))
    await tx
      .insertInto('version_artifacts')
      .values({ version_digest: version.versionDigest, sha256: digest })
      .execute();
}

export async function find(db: Db, model: string, version: string): Promise<Version | null> {
  const rows = await select(db).where('model', '=', model).where('version', '=', version).execute();
  return rows.map(toVersion)[0] ?? null;
}

/** @throws StillError `not_found` */
export async function get(db: Db, { model, version }: VersionRef): Promise<Version> {
  const found = await find(db, model, version);
  if (!found) throw new StillError('not_found', `${model}@${version} is not published; "still models" lists what is`);
  return found;
}

export async function byDigest(db: Db, versionDigest: string): Promise<Version | null> {
  return (await select(db).where('version_digest', '=', versionDigest).execute()).map(toVersion)[0] ?? null;
}

/** By model, then oldest first. */
export async function list(db: Db): Promise<Version[]> {
  return (await select(db).orderBy('model').orderBy('published_ms').execute()).map(toVersion);
}

/** Whether a version with this artifact was ever offered to the device. */
export async function wasOfferedArtifact(db: Db, deviceId: string, sha256: string): Promise<boolean> {
  const row = await db
    .selectFrom('version_artifacts')
    .innerJoin('installations', 'installations.version_digest', 'version_artifacts.version_digest')
    .select('installation_id')
    .where('version_artifacts.sha256', '=', sha256)
    .where('installations.device_id', '=', deviceId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function wasOffered(db: Db, deviceId: string, versionDigest: string): Promise<boolean> {
  const row = await db
    .selectFrom('installations')
    .select('installation_id')
    .where('device_id', '=', deviceId)
    .where('version_digest', '=', versionDigest)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const select = (db: Db) => db.selectFrom('versions').selectAll();
type Row = Awaited<ReturnType<ReturnType<typeof select>['execute']>>[number];

function toVersion(row: Row): Version {
  return {
    versionDigest: row.version_digest,
    model: row.model,
    version: row.version,
    licence: row.licence,
    publishedAtMs: row.published_ms,
    sizeBytes: row.size_bytes,
    manifest: JSON.parse(row.manifest),
    manifestText: row.manifest,
  };
}
