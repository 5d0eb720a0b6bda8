import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { timings } from '../../shared/limits.ts';
import type { Response } from './response.ts';

type Piece = { readonly kind: 'bytes'; readonly bytes: Buffer } | { readonly kind: 'broken'; readonly message: string };

/** The body piece by piece; a line that is silent for too long counts as broken. */
export async function* piecesOf(response: Response, clock: Clock): AsyncGenerator<Piece> {
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
