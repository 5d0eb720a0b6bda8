// A file on its way in. Every piece is hashed as it arrives: a wrong one is cut off again at once, so what lies on the
// disk is always a true beginning of the artifact and a later attempt can go on from there.
import { createHash, type Hash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Artifact } from '../../shared/manifest.ts';
import type { Disk, DiskFile } from './disk.ts';

const READ_BYTES = 256 * 1024;

export type Written =
  | { readonly kind: 'written' }
  /** The bytes differ from the manifest's digest; what was wrong is gone from the disk. */
  | { readonly kind: 'mismatch'; readonly message: string };

export class PartFile {
  private readonly artifact: Artifact;
  private readonly path: string;
  private readonly file: DiskFile;
  private readonly disk: Disk;
  private whole: Hash = createHash('sha256');
  private piece: Hash = createHash('sha256');
  /** Where the last good piece ends, and `whole` as it was there. */
  private goodBytes = 0;
  private wholeAtGood: Hash = createHash('sha256');
  private position = 0;

  private constructor(artifact: Artifact, path: string, { file, disk }: { file: DiskFile; disk: Disk }) {
    this.artifact = artifact;
    this.path = path;
    this.file = file;
    this.disk = disk;
  }

  /** Opens `path` and checks what an earlier attempt left there. */
  static async open(artifact: Artifact, path: string, disk: Disk): Promise<PartFile> {
    const file = await disk.open(path, 'append');
    const part = new PartFile(artifact, path, { file, disk });
    try {
      await part.readBack();
    } catch (error) {
      await file.close();
      throw error;
    }
    return part;
  }

  /** How many true bytes are there. */
  get offset(): number {
    return this.position;
  }

  get isComplete(): boolean {
    return this.position === this.artifact.sizeBytes;
  }

  async write(bytes: Uint8Array): Promise<Written> {
    if (this.position + bytes.length > this.artifact.sizeBytes)
      return this.cutBack(`more than the manifest's ${this.artifact.sizeBytes} bytes arrived`);
    for (let start = 0; start < bytes.length; ) {
      const slice = bytes.subarray(start, start + Math.min(bytes.length - start, this.pieceLeft()));
      await this.file.append(slice);
      const fault = this.account(slice);
      if (fault) return this.cutBack(fault);
      start += slice.length;
    }
    return { kind: 'written' };
  }

  /** Checks the whole, makes it durable and gives it its name. */
  async finish(finalPath: string): Promise<Written> {
    if (this.whole.copy().digest('hex') !== this.artifact.sha256 || !this.isComplete) {
      await this.file.close();
      await this.disk.remove(this.path);
      return { kind: 'mismatch', message: `the whole of "${this.artifact.path}" is not ${this.artifact.sha256}` };
    }
    await this.file.sync();
    await this.file.close();
    await this.disk.rename(this.path, finalPath);
    await this.disk.syncFolder(dirname(finalPath));
    return { kind: 'written' };
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private get pieceBytes(): number {
    return this.artifact.chunks?.chunkSizeBytes ?? Number.POSITIVE_INFINITY;
  }

  private pieceLeft(): number {
    return this.pieceBytes === Number.POSITIVE_INFINITY
      ? this.pieceBytes
      : this.pieceBytes - (this.position % this.pieceBytes);
  }

  /** Hashes bytes that stand on the disk. Returns the fault when they complete a wrong piece. */
  private account(bytes: Uint8Array): string | null {
    this.whole.update(bytes);
    this.piece.update(bytes);
    this.position += bytes.length;
    const { chunks, sizeBytes, path } = this.artifact;
    const atEnd = this.position === sizeBytes || this.position % this.pieceBytes === 0;
    if (!chunks || !atEnd) return null;
    const index = Math.ceil(this.position / chunks.chunkSizeBytes) - 1;
    if (this.piece.digest('hex') !== chunks.sha256[index])
      return `piece ${index} of "${path}" is not ${chunks.sha256[index]}`;
    this.piece = createHash('sha256');
    this.goodBytes = this.position;
    this.wholeAtGood = this.whole.copy();
    return null;
  }

  private async cutBack(message: string): Promise<Written> {
    await this.file.truncate(this.goodBytes);
    this.position = this.goodBytes;
    this.piece = createHash('sha256');
    this.whole = this.wholeAtGood.copy();
    return { kind: 'mismatch', message };
  }

  private async readBack(): Promise<void> {
    const size = await this.file.sizeBytes();
    if (size > this.artifact.sizeBytes) return this.file.truncate(0);
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    while (this.position < size) {
      const want = Math.min(READ_BYTES, this.pieceLeft(), size - this.position);
      const bytesRead = await this.file.read(buffer, want, this.position);
      if (bytesRead === 0) return;
      if (this.account(buffer.subarray(0, bytesRead))) {
        await this.cutBack('');
        return;
      }
    }
  }
}
