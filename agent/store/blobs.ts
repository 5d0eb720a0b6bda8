// Files by their sha256. A name appears only when its bytes are complete, checked and durable.
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Artifact } from '../../shared/manifest.ts';
import { PartFile, type Written } from './part-file.ts';
import { syncFolder } from './sync-folder.ts';

export class Blobs {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  path(sha256: string): string {
    return join(this.folder, sha256);
  }

  /** The bytes that would have to be fetched to have all of `artifacts`. */
  async missingBytes(artifacts: readonly Artifact[]): Promise<number> {
    const missing = new Map<string, number>();
    for (const { sha256, sizeBytes } of artifacts) {
      if ((await sizeOf(this.path(sha256))) === sizeBytes) continue;
      missing.set(sha256, Math.max(0, sizeBytes - ((await sizeOf(this.partPath(sha256))) ?? 0)));
    }
    return [...missing.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Whether the artifact is here, read and hashed again; a damaged one is removed. */
  async isIntact({ sha256, sizeBytes }: Pick<Artifact, 'sha256' | 'sizeBytes'>): Promise<boolean> {
    const size = await sizeOf(this.path(sha256));
    if (size === null) return false;
    if (size === sizeBytes) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(this.path(sha256), { highWaterMark: 256 * 1024 }), hash);
      if (hash.digest('hex') === sha256) return true;
    }
    await rm(this.path(sha256), { force: true });
    return false;
  }

  /** Opens the place where an artifact arrives, with what an earlier attempt left there. */
  receive(artifact: Artifact): Promise<PartFile> {
    return PartFile.open(artifact, this.partPath(artifact.sha256));
  }

  complete(part: PartFile, { sha256 }: Pick<Artifact, 'sha256'>): Promise<Written> {
    return part.finish(this.path(sha256));
  }

  /** Stores bytes that were checked already, such as a manifest. */
  async put(sha256: string, bytes: string | Uint8Array): Promise<void> {
    const file = await open(this.partPath(sha256), 'w');
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(this.partPath(sha256), this.path(sha256));
    await syncFolder(this.folder);
  }

  /** @returns null when it is not here */
  async readText(sha256: string): Promise<string | null> {
    try {
      return await readFile(this.path(sha256), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Removes every blob and every beginning of one whose digest is not in `kept`. Returns the bytes set free. */
  async keepOnly(kept: ReadonlySet<string>): Promise<number> {
    let freedBytes = 0;
    for (const name of await readdir(this.folder)) {
      if (kept.has(name.replace(/\.part$/, ''))) continue;
      freedBytes += (await sizeOf(join(this.folder, name))) ?? 0;
      await rm(join(this.folder, name), { force: true });
    }
    return freedBytes;
  }

  private partPath(sha256: string): string {
    return `${this.path(sha256)}.part`;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found ? found.size : null;
}
