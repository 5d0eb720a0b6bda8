import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** One call reads no more than this of a file. */
const MOST_AT_ONCE = 2 ** 30;

/** A file of any size: Node's own `readFileSync` ends at 2 GiB. @throws Error of the file system */
export function readWhole(path: string): Buffer<ArrayBuffer> {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, Math.min(MOST_AT_ONCE, bytes.length - at), at);
      if (read === 0) throw new Error(`${path}: ends after ${at} of ${bytes.length} bytes`);
      at += read;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}
