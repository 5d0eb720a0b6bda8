import { relative } from 'node:path';

/** A path as short as it can be typed in the working folder. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short && !short.startsWith('..') ? short : path;
}
