// Publishes a version's folder through the HTTP API, for tests that are not about the command line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { RunningServer } from './fleet.ts';

/** @returns the status of the last call and its body */
export async function publish(
  server: RunningServer,
  folder: string,
  change: (manifest: Manifest) => Manifest = (same) => same,
) {
  const manifest = change(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest);
  for (const { path, sha256 } of manifest.artifacts) {
    const response = await fetch(new URL(`/v1/artifacts/${sha256}`, server.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/octet-stream' },
      body: readFileSync(join(folder, path)),
    });
    if (!response.ok) return { status: response.status, body: await response.json() };
  }
  return server.call('POST', '/v1/versions', JSON.parse(canonicalJson(manifest)));
}
