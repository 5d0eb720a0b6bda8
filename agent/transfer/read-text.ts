import type { Clock } from '../../shared/clock.ts';
import { readBytes } from './read-bytes.ts';
import type { Response } from './response.ts';

/** The body as text; null when it is longer than `maxBytes`. @throws when the line breaks, or is silent for too long */
export async function readText(response: Response, maxBytes: number, clock: Clock): Promise<string | null> {
  return (await readBytes(response, maxBytes, clock))?.toString('utf8') ?? null;
}
