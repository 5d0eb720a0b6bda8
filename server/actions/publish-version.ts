import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { StillError } from '../../shared/errors.ts';
import { type Manifest, manifestFaults } from '../../shared/manifest.ts';
import * as artifacts from '../store/artifacts.ts';
import * as audit from '../store/audit.ts';
import type { Db } from '../store/database.ts';
import * as events from '../store/events.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';

/**
 * Publishing the same version again changes nothing; other bytes under its name are refused.
 *
 * @throws StillError `unprocessable` for a manifest that contradicts itself or names artifacts that are not here,
 * `conflict` for a name that is taken
 */
export async function publishVersion(
  { store, clock }: World,
  { manifest, actor }: { manifest: Manifest; actor: string },
): Promise<versions.Version> {
  refuse(manifestFaults(manifest), 'the manifest contradicts itself');
  const manifestText = canonicalJson(manifest);
  const versionDigest = createHash('sha256').update(manifestText).digest('hex');
  const { model, version } = manifest;
  const atMs = clock.now();
  return store.write(async (tx) => {
    const known = await versions.find(tx, model, version);
    if (known?.versionDigest === versionDigest) return known;
    if (known)
      throw new StillError(
        'conflict',
        `${model}@${version} is published already, with the digest ${known.versionDigest}; a version never changes, so give this one another number`,
      );
    refuse(await artifactFaults(tx, manifest), 'artifacts are missing or differ; send them first');
    const unique = new Map(manifest.artifacts.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
    const sizeBytes = [...unique.values()].reduce((sum, size) => sum + size, 0);
    const { licence } = manifest;
    const published = { versionDigest, model, version, licence, publishedAtMs: atMs, sizeBytes, manifestText };
    await versions.insert(tx, published, [...unique.keys()]);
    const details = { versionDigest };
    await audit.append(tx, { atMs, actor, action: 'publish-version', subject: `${model}@${version}`, details });
    await events.append(tx, { atMs, kind: 'version', subject: `${model}@${version}`, details });
    return { ...published, manifest };
  });
}

async function artifactFaults(tx: Db, manifest: Manifest): Promise<string[]> {
  const stored = await artifacts.sizes(
    tx,
    manifest.artifacts.map(({ sha256 }) => sha256),
  );
  return manifest.artifacts.flatMap(({ path, sha256, sizeBytes }) => {
    const size = stored.get(sha256);
    if (size === undefined) return [`artifacts: "${path}" (${sha256}) was not sent`];
    return size === sizeBytes ? [] : [`artifacts: "${path}" has ${size} bytes, the manifest says ${sizeBytes}`];
  });
}

function refuse(faults: readonly string[], what: string): void {
  if (faults.length === 0) return;
  throw new StillError('unprocessable', `${what}: ${faults[0]}`, {
    problems: faults.slice(0, 50).map((message) => ({ message })),
  });
}
