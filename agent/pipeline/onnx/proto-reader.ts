// Walks a protocol buffer in a file without reading what nobody asks for: weights of gigabytes are stepped over.
// Source: the encoding page of protobuf.dev.
import { readSync } from 'node:fs';

const WINDOW_BYTES = 64 * 1024;
const MOST_PACKED_BYTES = 1024;

export type Field = { readonly value: number } | { readonly end: number };
/** Field number → what is done with it; a field with an `end` may be read up to there. */
export type Visitors = Readonly<Record<number, (field: Field) => void>>;

/** Positions are bytes from the file's start. Every fault is a RangeError that names the position. */
export class ProtoReader {
  private readonly fd: number;
  private readonly window = Buffer.alloc(WINDOW_BYTES);
  private windowAt = 0;
  private windowBytes = 0;
  private position = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Visits the fields of the message that ends at `end`. */
  message(end: number, visitors: Visitors): void {
    while (this.position < end) {
      const startedAt = this.position;
      const key = this.varint(end);
      const wire = key % 8;
      const visit = visitors[Math.floor(key / 8)];
      if (wire === 0) {
        const value = this.varint(end);
        visit?.({ value });
      } else {
        const bytes = wire === 2 ? this.varint(end) : wire === 1 ? 8 : wire === 5 ? 4 : Number.NaN;
        const fieldEnd = this.position + bytes;
        if (!(fieldEnd <= end)) throw new RangeError(`is cut short or damaged at byte ${startedAt}`);
        if (wire === 2) visit?.({ end: fieldEnd });
        this.position = fieldEnd;
      }
    }
  }

  /** The text from here to `end`. */
  text(end: number): string {
    const bytes: number[] = [];
    if (end - this.position > WINDOW_BYTES) throw new RangeError(`has a name of ${end - this.position} bytes`);
    while (this.position < end) bytes.push(this.byte(end));
    return Buffer.from(bytes).toString('utf8');
  }

  /** Numbers one after the other up to `end` (a packed field). */
  packed(end: number): number[] {
    if (end - this.position > MOST_PACKED_BYTES) throw new RangeError(`has ${end - this.position} bytes of dimensions`);
    const values: number[] = [];
    while (this.position < end) values.push(this.varint(end));
    return values;
  }

  /** How many bytes there are from here to `end`. */
  bytesTo(end: number): number {
    return end - this.position;
  }

  private varint(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      const byte = this.byte(end);
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    throw new RangeError(`holds no number at byte ${this.position}`);
  }

  private byte(end: number): number {
    if (this.position >= end) throw new RangeError(`is cut short or damaged at byte ${this.position}`);
    const at = this.position - this.windowAt;
    if (at < 0 || at >= this.windowBytes) {
      this.windowAt = this.position;
      this.windowBytes = readSync(this.fd, this.window, 0, WINDOW_BYTES, this.position);
      if (this.windowBytes === 0) throw new RangeError(`is cut short at byte ${this.position}`);
    }
    return this.window[this.position++ - this.windowAt] as number;
  }
}
