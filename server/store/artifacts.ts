import type { Db } from './database.ts';

export async function insert(
  tx: Db,
  artifact: { sha256: string; sizeBytes: number; receivedAtMs: number },
): Promise<void> {
  await tx
    .insertInto('artifacts')
    .values({ sha256: artifact.sha256, size_bytes: artifact.sizeBytes, received_ms: artifact.receivedAtMs })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .execute();
}

const AT_ONCE = 500;

/** sha256 → bytes, of those that are stored. */
export async function sizes(db: Db, sha256: readonly string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let start = 0; start < sha256.length; start += AT_ONCE) {
    const rows = await db
      .selectFrom('artifacts')
      .select(['sha256', 'size_bytes'])
      .where('sha256', 'in', sha256.slice(start, start + AT_ONCE))
      .execute();
    for (const row of rows) found.set(row.sha256, row.size_bytes);
  }
  return found;
}
