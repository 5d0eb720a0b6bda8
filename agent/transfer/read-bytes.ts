import type { Clock } from '../../shared/clock.ts';
import { piecesOf } from './pieces-of.ts';
import type { Response } from './response.ts';

/** The body; null when it is longer than `maxBytes`. @throws when the line breaks, or is silent for too long */
export async function readBytes(response: Response, maxBytes: number, clock: Clock): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(response, clock)) {
    if (piece.kind === 'broken') throw new Error(piece.message);
    bytes += piece.bytes.length;
    // Leaving the loop destroys the response.
    if (bytes > maxBytes) return null;
    pieces.push(piece.bytes);
  }
  return Buffer.concat(pieces);
}
