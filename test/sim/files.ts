// The server's files, in memory: whole and durable once they are received, as server/store/files.ts makes them.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FileStore, Received, ReceiveOptions } from '../../server/store/files.ts';

export class SimFiles implements FileStore {
  private readonly stored = new Map<string, Buffer>();

  bytes(sha256: string): Buffer | null {
    return this.stored.get(sha256) ?? null;
  }

  pathOf(sha256: string): string {
    return `/files/${sha256}`;
  }

  async has(sha256: string): Promise<boolean> {
    return this.stored.has(sha256);
  }

  async sizeOf(sha256: string): Promise<number | null> {
    return this.stored.get(sha256)?.length ?? null;
  }

  read(sha256: string): Readable {
    return Readable.from([this.stored.get(sha256) ?? Buffer.alloc(0)]);
  }

  async receive(stream: Readable, { checkStart }: ReceiveOptions): Promise<Received> {
    const bytes = Buffer.concat(await stream.toArray());
    checkStart?.(bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.stored.set(sha256, bytes);
    return { sha256, sizeBytes: bytes.length };
  }
}
