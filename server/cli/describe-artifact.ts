// One file as a manifest names it: its digest, its size, and the digests of its pieces, by which a download resumes.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Artifact } from '../../shared/manifest.ts';

const CHUNK_BYTES = 1024 * 1024;

export async function describeArtifact(path: string, file: string): Promise<Artifact> {
  const whole = createHash('sha256');
  const pieces: string[] = [];
  let sizeBytes = 0;
  let piece = createHash('sha256');
  // Streams never give more than `highWaterMark` at once, and less at the end only: each is a part of one piece.
  for await (const part of createReadStream(file, { highWaterMark: 64 * 1024 })) {
    const bytes = part as Uint8Array;
    whole.update(bytes);
    piece.update(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes % CHUNK_BYTES === 0) {
      pieces.push(piece.digest('hex'));
      piece = createHash('sha256');
    }
  }
  if (sizeBytes % CHUNK_BYTES !== 0) pieces.push(piece.digest('hex'));
  const chunks = sizeBytes > CHUNK_BYTES ? { chunks: { chunkSizeBytes: CHUNK_BYTES, sha256: pieces } } : {};
  return { path, sha256: whole.digest('hex'), sizeBytes, ...chunks };
}
