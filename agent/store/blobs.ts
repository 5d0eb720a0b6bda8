// Files by their sha256. A name appears only when its bytes are complete, checked and durable.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Artifact } from '../../shared/manifest.ts';
import type { Disk } from './disk.ts';
import { PartFile, type Written } from './part-file.ts';

const READ_BYTES = 256 * 1024;
/** Below this the reserve that an agent leaves free is enough. */
const RESERVED_FROM_BYTES = 1024 * 1024;

/** What is said of a text by its name. */
export type CheckedText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'damaged' };

export class Blobs {
  readonly folder: string;
  private readonly disk: Disk;

  /** @param folder must be there */
  constructor(folder: string, disk: Disk) {
    this.folder = folder;
    this.disk = disk;
  }

  path(sha256: string): string {
    return join(this.folder, sha256);
  }

  /** The bytes that would have to be fetched to have all of `artifacts`. */
  async missingBytes(artifacts: readonly Artifact[]): Promise<number> {
    const missing = new Map<string, number>();
    for (const { sha256, sizeBytes } of artifacts) {
      if ((await this.sizeOf(this.path(sha256))) === sizeBytes) continue;
      missing.set(sha256, Math.max(0, sizeBytes - ((await this.sizeOf(this.partPath(sha256))) ?? 0)));
    }
    return [...missing.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Whether the artifact is here, read and hashed again; a damaged one is removed. */
  async isIntact({ sha256, sizeBytes }: Pick<Artifact, 'sha256' | 'sizeBytes'>): Promise<boolean> {
    const size = await this.sizeOf(this.path(sha256));
    if (size === null) return false;
    if (size === sizeBytes && (await this.digestOf(this.path(sha256))) === sha256) return true;
    await this.disk.remove(this.path(sha256));
    return false;
  }

  /** Opens the place where an artifact arrives, with what an earlier attempt left there. */
  receive(artifact: Artifact): Promise<PartFile> {
    return PartFile.open(artifact, this.partPath(artifact.sha256), this.disk);
  }

  /** Takes the space for what is still to come of `artifacts`. @throws ENOSPC */
  async reserve(artifacts: readonly Pick<Artifact, 'sha256' | 'sizeBytes'>[]): Promise<void> {
    for (const { sha256, sizeBytes } of artifacts)
      if (sizeBytes >= RESERVED_FROM_BYTES) await this.disk.reserve(this.partPath(sha256), sizeBytes);
  }

  /** Gives up the beginnings of `artifacts`, and the space that they hold. */
  async abandon(artifacts: readonly Pick<Artifact, 'sha256'>[]): Promise<void> {
    for (const { sha256 } of artifacts) await this.disk.remove(this.partPath(sha256));
  }

  complete(part: PartFile, { sha256 }: Pick<Artifact, 'sha256'>): Promise<Written> {
    return part.finish(this.path(sha256));
  }

  /** Stores bytes that were checked already, such as a manifest. */
  async put(sha256: string, bytes: string | Uint8Array): Promise<void> {
    const file = await this.disk.open(this.partPath(sha256), 'replace');
    try {
      await file.append(Buffer.from(bytes));
      await file.sync();
    } finally {
      await file.close();
    }
    await this.disk.rename(this.partPath(sha256), this.path(sha256));
    await this.disk.syncFolder(this.folder);
  }

  /** @returns null when it is not here */
  async readText(sha256: string): Promise<string | null> {
    try {
      return (await this.disk.readWhole(this.path(sha256))).toString('utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Read where a wrong bit may leave it readable, and would then mean something else. */
  async readChecked(sha256: string): Promise<CheckedText> {
    const text = await this.readText(sha256);
    if (text === null) return { kind: 'missing' };
    const isWhole = createHash('sha256').update(text).digest('hex') === sha256;
    return isWhole ? { kind: 'text', text } : { kind: 'damaged' };
  }

  /** Removes every blob and every beginning of one whose digest is not in `kept`. Returns the bytes set free. */
  async keepOnly(kept: ReadonlySet<string>): Promise<number> {
    let freedBytes = 0;
    for (const name of await this.disk.names(this.folder)) {
      if (kept.has(name.replace(/\.part$/, ''))) continue;
      freedBytes += (await this.sizeOf(join(this.folder, name))) ?? 0;
      await this.disk.remove(join(this.folder, name));
    }
    return freedBytes;
  }

  private partPath(sha256: string): string {
    return `${this.path(sha256)}.part`;
  }

  private async sizeOf(path: string): Promise<number | null> {
    return (await this.disk.find(path))?.sizeBytes ?? null;
  }

  private async digestOf(path: string): Promise<string> {
    const hash = createHash('sha256');
    const file = await this.disk.open(path, 'read');
    try {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      for (let position = 0; ; ) {
        const count = await file.read(buffer, READ_BYTES, position);
        if (count === 0) return hash.digest('hex');
        hash.update(buffer.subarray(0, count));
        position += count;
      }
    } finally {
      await file.close();
    }
  }
}
