// PNGs that devices delivered; the request itself is a job.
import type { Db } from './database.ts';

export interface StoredPicture {
  readonly pictureId: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A second delivery of the same picture replaces the first. */
export async function save(tx: Db, picture: StoredPicture & { receivedAtMs: number }): Promise<void> {
  await tx
    .replaceInto('pictures')
    .values({
      picture_id: picture.pictureId,
      sha256: picture.sha256,
      size_bytes: picture.sizeBytes,
      received_ms: picture.receivedAtMs,
    })
    .execute();
}

export async function find(db: Db, pictureId: string): Promise<StoredPicture | null> {
  const row = await db.selectFrom('pictures').selectAll().where('picture_id', '=', pictureId).executeTakeFirst();
  return row ? { pictureId: row.picture_id, sha256: row.sha256, sizeBytes: row.size_bytes } : null;
}
