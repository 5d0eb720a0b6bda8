import { type Labels, newId } from '../../shared/ids.ts';
import * as audit from '../store/audit.ts';
import * as enrolmentTokens from '../store/enrolment-tokens.ts';
import { newSecret } from '../store/secrets.ts';
import type { World } from '../store/world.ts';

/** The token itself is in the answer and nowhere else. */
export async function createToken(
  { store, clock, randomness }: World,
  request: { uses: number; expiresInMs: number; labels: Labels; actor: string },
): Promise<enrolmentTokens.EnrolmentToken & { token: string }> {
  const atMs = clock.now();
  const { uses, expiresInMs, labels, actor } = request;
  const tokenId = newId('tok', atMs, randomness.bytes);
  const { text, sha256 } = newSecret('st', tokenId, randomness);
  const token = {
    tokenId,
    secretSha256: sha256,
    usesLeft: uses,
    expiresAtMs: atMs + expiresInMs,
    labels,
    createdAtMs: atMs,
  };
  await store.write(async (tx) => {
    await enrolmentTokens.insert(tx, token);
    await audit.append(tx, { atMs, actor, action: 'create-token', subject: tokenId, details: { uses, expiresInMs } });
  });
  return { ...token, token: text };
}
