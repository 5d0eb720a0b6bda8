import type { Scope } from '../../shared/http-api.ts';
import { newId } from '../../shared/ids.ts';
import * as apiKeys from '../store/api-keys.ts';
import * as audit from '../store/audit.ts';
import { newSecret } from '../store/secrets.ts';
import type { World } from '../store/world.ts';

/** The key itself is in the answer and nowhere else. */
export async function createKey(
  { store, clock, randomness }: World,
  { name, scope, actor }: { name: string; scope: Scope; actor: string },
): Promise<apiKeys.ApiKey & { key: string }> {
  const atMs = clock.now();
  const keyId = newId('key', atMs, randomness.bytes);
  const { text, sha256 } = newSecret('sk', keyId, randomness);
  const key = { keyId, name, scope, secretSha256: sha256, createdAtMs: atMs };
  await store.write(async (tx) => {
    await apiKeys.insert(tx, key);
    await audit.append(tx, { atMs, actor, action: 'create-key', subject: keyId, details: { name, scope } });
  });
  return { ...key, revoked: false, key: text };
}
