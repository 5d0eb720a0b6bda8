// What an agent has on its disk, read from outside: while it runs, while it is stopped, and after it was killed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { InstallationState } from '../../shared/installation.ts';
import { artifactsForDevice, type Manifest } from '../../shared/manifest.ts';

export interface Recorded {
  readonly installationId: string;
  readonly state: InstallationState;
}

export interface RecordedPlace {
  readonly installationId: string;
  readonly version: string;
  readonly versionDigest: string;
  readonly variant: string;
}

export const openRecords = (folder: string): Database.Database =>
  new Database(join(folder, 'agent.db'), { readonly: true, timeout: 10_000 });

/** The newest installation; null before the first. */
export const newestInstallation = (database: Database.Database): Recorded | null =>
  (database
    .prepare('SELECT installation_id AS installationId, state FROM installations ORDER BY rowid DESC LIMIT 1')
    .get() as Recorded | undefined) ?? null;

export const waitingReports = (database: Database.Database): number =>
  (database.prepare('SELECT count(*) AS rows FROM outgoing').get() as { rows: number }).rows;

export const runningPlaces = (database: Database.Database): RecordedPlace[] =>
  database
    .prepare(
      `SELECT installation_id AS installationId, version, version_digest AS versionDigest, variant
       FROM places WHERE place = 'running'`,
    )
    .all() as RecordedPlace[];

/** Files of the slot that a version runs from which are not what its manifest says; empty when it is whole. */
export function slotFaults(folder: string, { versionDigest, variant }: RecordedPlace): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'blobs', versionDigest), 'utf8')) as Manifest;
  const found = manifest.variants.find(({ name }) => name === variant);
  if (!found) return [`the manifest ${versionDigest} has no variant ${variant}`];
  return artifactsForDevice(manifest, found).flatMap(({ path, sha256 }) => {
    const file = join(folder, 'slots', `${versionDigest}-${variant}`, path);
    if (!existsSync(file)) return [`${path} is missing`];
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    return digest === sha256 ? [] : [`${path} is ${digest}, the manifest says ${sha256}`];
  });
}
