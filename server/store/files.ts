// Files named by their sha256: written in a temporary place while they are hashed, synced, then renamed, so that a name
// never stands for anything but its bytes.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { StillError } from '../../shared/errors.ts';

export interface Received {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface ReceiveOptions {
  readonly maxBytes: number;
  /** What the bytes must hash to; left out: whatever they do. */
  readonly expectedSha256?: string;
  /** Looks at the first bytes and throws when they are not what they should be. */
  readonly checkStart?: (start: Uint8Array) => void;
}

const START_BYTES = 64;

/** The little that stands between an action and the files, so that they can be elsewhere. */
export type FileStore = Pick<Files, 'pathOf' | 'has' | 'sizeOf' | 'read' | 'receive'>;

export class Files {
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder and removes what an earlier process left half-written. */
  static async open(folder: string): Promise<Files> {
    const incoming = join(folder, 'incoming');
    await rm(incoming, { recursive: true, force: true });
    await mkdir(incoming, { recursive: true });
    return new Files(folder);
  }

  pathOf(sha256: string): string {
    return join(this.folder, sha256.slice(0, 2), sha256);
  }

  async has(sha256: string): Promise<boolean> {
    return (await this.sizeOf(sha256)) !== null;
  }

  /** Bytes, or null when it is not there. */
  async sizeOf(sha256: string): Promise<number | null> {
    return stat(this.pathOf(sha256)).then(
      ({ size }) => size,
      () => null,
    );
  }

  read(sha256: string): Readable {
    return createReadStream(this.pathOf(sha256), { highWaterMark: 1024 * 1024 });
  }

  /** @throws StillError `too_large`, `unprocessable` (wrong digest); nothing is kept then */
  async receive(stream: Readable, options: ReceiveOptions): Promise<Received> {
    const temporary = join(this.folder, 'incoming', randomUUID());
    try {
      const received = await writeHashed(stream, temporary, options);
      const { sha256 } = received;
      if (options.expectedSha256 && sha256 !== options.expectedSha256)
        throw new StillError('unprocessable', `the bytes hash to ${sha256}, not to ${options.expectedSha256}`, {
          problems: [{ field: 'sha256', message: 'send the file whose sha256 the path names' }],
        });
      const target = this.pathOf(sha256);
      await mkdir(dirname(target), { recursive: true });
      await rename(temporary, target);
      await syncFolder(dirname(target));
      return received;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

async function writeHashed(
  stream: Readable,
  path: string,
  { maxBytes, checkStart }: ReceiveOptions,
): Promise<Received> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  let sizeBytes = 0;
  let start = Buffer.alloc(0);
  try {
    // A sender that is refused in the middle is still to hear why.
    const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      if (checkStart && start.length < START_BYTES) start = Buffer.concat([start, chunk.subarray(0, START_BYTES)]);
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new StillError('too_large', `larger than the limit of ${maxBytes} bytes`);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    checkStart?.(start);
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
