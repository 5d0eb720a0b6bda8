import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { timings } from '../../shared/limits.ts';
import type { Artifact } from '../../shared/manifest.ts';
import type { PartFile } from '../store/part-file.ts';
import { askServer, type Response, type ServerAccess } from './ask-server.ts';
import type { Pace } from './pace.ts';

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

type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'broken'; readonly message: string };

/** The body piece by piece; a line that is silent for too long counts as broken. */
async function* piecesOf(response: Response, clock: Clock): AsyncGenerator<Piece> {
  const silent = () => response.destroy(new Error(`no byte for ${timings.httpRequestMs} ms`));
  let stopWaiting = clock.after(timings.httpRequestMs, silent);
  try {
    for await (const bytes of response) {
      stopWaiting();
      yield { kind: 'bytes', bytes };
      stopWaiting = clock.after(timings.httpRequestMs, silent);
    }
  } catch (error) {
    yield { kind: 'broken', message: messageOf(error) };
  } finally {
    stopWaiting();
    response.destroy();
  }
}
