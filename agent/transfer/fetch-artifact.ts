import type { Artifact } from '../../shared/manifest.ts';
import type { PartFile } from '../store/part-file.ts';
import { askServer, type ServerAccess } from './ask-server.ts';
import type { Pace } from './pace.ts';
import { piecesOf } from './pieces-of.ts';

export type Fetched =
  | { readonly kind: 'complete' }
  /** The line broke; what arrived stays. */
  | { readonly kind: 'interrupted'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string; readonly mayPass: boolean }
  /** Wrong bytes; they are gone from the disk. */
  | { readonly kind: 'mismatch'; readonly message: string };

/** One attempt at what is still missing of an artifact. Faults of the disk are thrown. */
export async function fetchArtifact(
  access: ServerAccess,
  artifact: Artifact,
  options: {
    readonly part: PartFile;
    readonly pace: Pace;
    readonly signal: AbortSignal;
    readonly onBytes: () => void;
  },
): Promise<Fetched> {
  const { part, pace, onBytes, signal } = options;
  if (part.isComplete) return { kind: 'complete' };
  const answer = await askServer(access, {
    method: 'GET',
    path: `/v1/artifacts/${artifact.sha256}`,
    headers: part.offset > 0 ? { range: `bytes=${part.offset}-` } : {},
    signal,
  });
  if (answer.kind === 'unreachable') return { kind: 'interrupted', message: answer.message };
  if (answer.kind === 'refused') return answer;
  // A server without ranges sends all of it again; content is addressed by digest, so the beginning can be skipped.
  let toSkip = answer.response.statusCode === 206 ? 0 : part.offset;
  for await (const piece of piecesOf(answer.response, access.clock)) {
    if (piece.kind === 'broken') return { kind: 'interrupted', message: piece.message };
    const skipped = Math.min(toSkip, piece.bytes.length);
    toSkip -= skipped;
    const written = await part.write(piece.bytes.subarray(skipped));
    if (written.kind === 'mismatch') return written;
    onBytes();
    await pace.take(piece.bytes.length, signal);
  }
  return part.isComplete
    ? { kind: 'complete' }
    : { kind: 'interrupted', message: `the answer ended after ${part.offset} of ${artifact.sizeBytes} bytes` };
}
