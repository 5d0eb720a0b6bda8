import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { OPENVINO_PACKAGES } from './package.ts';

/**
 * Whether the libraries have the pinned digests, which engines that start take on trust: 60 to 86 MB are read.
 * One that cannot be read is not whole.
 *
 * @param folder holds the libraries
 */
export async function isWhole(folder: string, architecture: string = process.arch): Promise<boolean> {
  try {
    for (const { name, sha256 } of OPENVINO_PACKAGES[architecture]?.files ?? []) {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk);
      if (hash.digest('hex') !== sha256) return false;
    }
    return true;
  } catch {
    return false;
  }
}
