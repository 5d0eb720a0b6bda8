import type { Labels } from '../../shared/ids.ts';
import type { Db } from './database.ts';

export interface EnrolmentToken {
  readonly tokenId: string;
  readonly secretSha256: string;
  readonly usesLeft: number;
  readonly expiresAtMs: number;
  readonly labels: Labels;
  readonly createdAtMs: number;
}

export async function insert(tx: Db, token: EnrolmentToken): Promise<void> {
  await tx
    .insertInto('enrolment_tokens')
    .values({
      token_id: token.tokenId,
      secret_sha256: token.secretSha256,
      uses_left: token.usesLeft,
      expires_ms: token.expiresAtMs,
      labels_json: JSON.stringify(token.labels),
      created_ms: token.createdAtMs,
    })
    .execute();
}

export async function find(db: Db, tokenId: string): Promise<EnrolmentToken | null> {
  return (await select(db).where('token_id', '=', tokenId).execute()).map(toToken)[0] ?? null;
}

export async function list(db: Db): Promise<EnrolmentToken[]> {
  return (await select(db).orderBy('token_id').execute()).map(toToken);
}

export async function takeUse(tx: Db, tokenId: string): Promise<void> {
  await tx
    .updateTable('enrolment_tokens')
    .set(({ eb }) => ({ uses_left: eb('uses_left', '-', 1) }))
    .where('token_id', '=', tokenId)
    .execute();
}

const select = (db: Db) => db.selectFrom('enrolment_tokens').selectAll();
type Row = Awaited<ReturnType<ReturnType<typeof select>['execute']>>[number];

function toToken(row: Row): EnrolmentToken {
  return {
    tokenId: row.token_id,
    secretSha256: row.secret_sha256,
    usesLeft: row.uses_left,
    expiresAtMs: row.expires_ms,
    labels: JSON.parse(row.labels_json),
    createdAtMs: row.created_ms,
  };
}
