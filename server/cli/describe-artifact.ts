// One file as a manifest names it: its digest, its size, and the digests of its pieces, by which a download resumes.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Artifact } from '../../shared/manifest.ts';

const CHUNK_BYTES = 1024 * 1024;

export async function describeArtifact(path: string, file: string): Promise<Artifact> {
  const whole = createHash('sha256');
  const pieces: string[] = [];
  let [sizeBytes, piece] = [0, createHash('sha256')];
  for await (const part of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    let rest = part as Uint8Array;
    whole.update(rest);
    while (rest.length > 0) {
      const taken = rest.subarray(0, CHUNK_BYTES - (sizeBytes % CHUNK_BYTES));
      piece.update(taken);
      sizeBytes += taken.length;
      rest = rest.subarray(taken.length);
      if (sizeBytes % CHUNK_BYTES > 0) continue;
      pieces.push(piece.digest('hex'));
      piece = createHash('sha256');
    }
  }
  if (sizeBytes % CHUNK_BYTES > 0) pieces.push(piece.digest('hex'));
  const chunks = sizeBytes > CHUNK_BYTES ? { chunks: { chunkSizeBytes: CHUNK_BYTES, sha256: pieces } } : {};
  return { path, sha256: whole.digest('hex'), sizeBytes, ...chunks };
}
