import { StillError } from '../../shared/errors.ts';
import * as apiKeys from '../store/api-keys.ts';
import * as audit from '../store/audit.ts';
import type { World } from '../store/world.ts';

/** Revoking a revoked key changes nothing. The last admin key stays. */
export async function revokeKey(
  { store, clock }: World,
  { keyId, actor }: { keyId: string; actor: string },
): Promise<apiKeys.ApiKey> {
  const atMs = clock.now();
  return store.write(async (tx) => {
    const key = await apiKeys.find(tx, keyId);
    if (!key) throw new StillError('not_found', `no key ${keyId}; "still key list" lists them`);
    if (key.revoked) return key;
    const admins = (await apiKeys.list(tx)).filter(({ scope, revoked }) => scope === 'admin' && !revoked);
    if (key.scope === 'admin' && admins.length === 1)
      throw new StillError('conflict', `${keyId} is the only admin key left; create another one first`);
    await apiKeys.revoke(tx, keyId, atMs);
    await audit.append(tx, { atMs, actor, action: 'revoke-key', subject: keyId, details: { name: key.name } });
    return { ...key, revoked: true };
  });
}
