import { newId } from '../../shared/ids.ts';
import * as apiKeys from '../store/api-keys.ts';
import * as audit from '../store/audit.ts';
import { newSecret } from '../store/secrets.ts';
import type { World } from '../store/world.ts';

/**
 * A server without keys gets its first admin key. `keep` writes it down before it holds: after a crash between the two
 * there is still no key, and the next start makes another one.
 */
export async function createFirstKey(
  { store, clock, randomness }: World,
  keep: (key: string) => Promise<void>,
): Promise<void> {
  if ((await apiKeys.list(store.db)).length > 0) return;
  const atMs = clock.now();
  const keyId = newId('key', atMs, randomness.bytes);
  const { text, sha256 } = newSecret('sk', keyId, randomness);
  await keep(text);
  await store.write(async (tx) => {
    await apiKeys.insert(tx, { keyId, name: 'admin', scope: 'admin', secretSha256: sha256, createdAtMs: atMs });
    await audit.append(tx, {
      atMs,
      actor: 'server',
      action: 'create-key',
      subject: keyId,
      details: { scope: 'admin' },
    });
  });
}
