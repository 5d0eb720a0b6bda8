// Ends a connection as soon as a packet announces more bytes than we take. mqtt-packet gathers a packet whole before it
// hands it on, so a length of 256 MiB would be 256 MiB of memory; the announcement is in its first five bytes.
import type { Socket } from 'node:net';

/** Follows the packets of a stream by their fixed headers (MQTT 3.1.1, section 2.2) without looking inside. */
export class PacketLengths {
  private readonly maxBytes: number;
  /** Bytes of the present packet still to come; negative while its header is being read. */
  private left = -1;
  private headerBytes = 0;
  private length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** @returns false when a packet is longer than the limit, or its length cannot be read */
  accept(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.left > 0) {
        const taken = Math.min(this.left, chunk.length - at);
        at += taken;
        this.left -= taken;
      } else if (!this.readHeader(chunk[at++] as number)) return false;
      if (this.left === 0) this.left = -1;
    }
    return true;
  }

  private readHeader(byte: number): boolean {
    const place = this.headerBytes++;
    if (place === 0) {
      this.length = 0;
      return true;
    }
    this.length += (byte & 0x7f) * 128 ** (place - 1);
    if (this.length > this.maxBytes) return false;
    if (byte & 0x80) return place < 4;
    this.headerBytes = 0;
    this.left = this.length;
    return true;
  }
}

/** Looks at what is read from the socket, on its way to whoever reads. */
export function limitPackets(socket: Socket, maxBytes: number, onTooLong: () => void): void {
  const lengths = new PacketLengths(maxBytes);
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    const chunk = read(size) as Buffer | null;
    if (chunk === null || lengths.accept(chunk)) return chunk;
    onTooLong();
    socket.destroy();
    return null;
  };
}
