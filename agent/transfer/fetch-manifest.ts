import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { messageOf } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { Manifest, manifestFaults } from '../../shared/manifest.ts';
import { askServer, type ServerAccess } from './ask-server.ts';
import { readText } from './read-text.ts';

export type FetchedManifest =
  /** `text` is the canonical JSON, whose sha256 is the version's digest. */
  | { readonly kind: 'manifest'; readonly manifest: Manifest; readonly text: string }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string; readonly mayPass: boolean }
  | { readonly kind: 'invalid'; readonly message: string };

export async function fetchManifest(
  access: ServerAccess,
  versionDigest: string,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  const answer = await askServer(access, { method: 'GET', path: `/v1/manifests/${versionDigest}`, signal });
  if (answer.kind !== 'answer') return answer;
  try {
    const text = await readText(answer.response, limits.httpJsonBytes, access.clock);
    return text === null
      ? { kind: 'invalid', message: `the manifest is larger than ${limits.httpJsonBytes} bytes` }
      : checkManifest(text, versionDigest);
  } catch (error) {
    return { kind: 'unreachable', message: messageOf(error) };
  }
}

/** Trusts nothing: digest, schema and inner consistency. */
function checkManifest(text: string, versionDigest: string): FetchedManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', message: `the manifest is not JSON: ${messageOf(error)}` };
  }
  const canonical = canonicalJson(value);
  const digest = createHash('sha256').update(canonical).digest('hex');
  if (digest !== versionDigest)
    return { kind: 'invalid', message: `the manifest's digest is ${digest}, expected ${versionDigest}` };
  const parsed = Manifest.safeParse(value);
  if (!parsed.success) return { kind: 'invalid', message: `the manifest breaks its schema: ${parsed.error.message}` };
  const faults = manifestFaults(parsed.data);
  if (faults.length > 0) return { kind: 'invalid', message: `the manifest contradicts itself: ${faults.join('; ')}` };
  return { kind: 'manifest', manifest: parsed.data, text: canonical };
}
