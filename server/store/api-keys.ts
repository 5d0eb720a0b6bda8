import type { Scope } from '../../shared/http-api.ts';
import type { Db } from './database.ts';

export interface ApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly scope: Scope;
  readonly secretSha256: string;
  readonly createdAtMs: number;
  readonly revoked: boolean;
}

export async function insert(tx: Db, key: Omit<ApiKey, 'revoked'>): Promise<void> {
  await tx
    .insertInto('api_keys')
    .values({
      key_id: key.keyId,
      name: key.name,
      scope: key.scope,
      secret_sha256: key.secretSha256,
      created_ms: key.createdAtMs,
      revoked_ms: null,
    })
    .execute();
}

export async function find(db: Db, keyId: string): Promise<ApiKey | null> {
  return (await select(db).where('key_id', '=', keyId).execute()).map(toKey)[0] ?? null;
}

export async function list(db: Db): Promise<ApiKey[]> {
  return (await select(db).orderBy('key_id').execute()).map(toKey);
}

export async function revoke(tx: Db, keyId: string, atMs: number): Promise<void> {
  await tx
    .updateTable('api_keys')
    .set({ revoked_ms: atMs })
    .where('key_id', '=', keyId)
    .where('revoked_ms', 'is', null)
    .execute();
}

const select = (db: Db) => db.selectFrom('api_keys').selectAll();
type Row = Awaited<ReturnType<ReturnType<typeof select>['execute']>>[number];

function toKey(row: Row): ApiKey {
  return {
    keyId: row.key_id,
    name: row.name,
    scope: row.scope as Scope,
    secretSha256: row.secret_sha256,
    createdAtMs: row.created_ms,
    revoked: row.revoked_ms !== null,
  };
}
