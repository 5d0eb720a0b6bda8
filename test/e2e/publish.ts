// Publishes a version's folder through the HTTP API, for tests that are not about the command line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { RunningServer } from './fleet.ts';

/**
 * @param change what is done to the manifest after the files were sent as they are
 * @returns the status of the last call and its body
 */
export async function publish(
  server: RunningServer,
  folder: string,
  change: (manifest: Manifest) => Manifest = (same) => same,
) {
  const original = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  for (const { path, sha256 } of original.artifacts) {
    const response = await fetch(new URL(`/v1/artifacts/${sha256}`, server.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/octet-stream' },
      body: readFileSync(join(folder, path)),
    });
    if (!response.ok) return { status: response.status, body: await response.json() };
  }
  return server.call('POST', '/v1/versions', JSON.parse(canonicalJson(change(original))));
}
