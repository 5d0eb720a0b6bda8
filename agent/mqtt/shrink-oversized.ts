// Keeps a message that is too large from filling the memory: mqtt-packet collects a whole packet (up to 256 MB) before it
// hands it on. Here such a PUBLISH loses its payload on the way in and keeps its topic and packet id, so that the client
// acknowledges it, the inbox counts it as malformed, and the broker does not send it again for ever.
// Framing: MQTT 3.1.1, section 2.2 (fixed header, remaining length) and 3.3 (PUBLISH).
import { Transform } from 'node:stream';

const PUBLISH = 3;
const LONGEST_FIXED_HEADER = 5;

type State =
  | { readonly kind: 'fixed-header'; readonly bytes: number[] }
  | { readonly kind: 'copy'; left: number }
  | { readonly kind: 'variable-header'; readonly first: number; readonly bytes: number[]; readonly remaining: number }
  | { readonly kind: 'skip'; left: number };

/**
 * @param maxBytes the longest packet (without its fixed header) that passes unchanged
 * @param onOversized told the size of each packet that was cut
 */
export function shrinkOversized(maxBytes: number, onOversized: (bytes: number) => void): Transform {
  let state: State = { kind: 'fixed-header', bytes: [] };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length; ) at = take(this, chunk, at);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });

  /** Takes some bytes of `chunk` from `at` on; returns where the next ones stand. */
  function take(stream: Transform, chunk: Buffer, at: number): number {
    switch (state.kind) {
      case 'copy':
      case 'skip': {
        const count = Math.min(state.left, chunk.length - at);
        if (state.kind === 'copy') stream.push(chunk.subarray(at, at + count));
        state.left -= count;
        if (state.left === 0) state = { kind: 'fixed-header', bytes: [] };
        return at + count;
      }
      case 'fixed-header': {
        state.bytes.push(chunk[at] as number);
        const remaining = remainingLength(state.bytes);
        if (remaining !== null) begin(stream, state.bytes, remaining);
        return at + 1;
      }
      case 'variable-header': {
        const { bytes, first, remaining } = state;
        bytes.push(chunk[at] as number);
        const length = variableHeaderLength(first, bytes);
        if (length !== null && bytes.length === length) {
          stream.push(Buffer.from([first, ...encodeLength(length), ...bytes]));
          state = { kind: 'skip', left: remaining - length };
        }
        return at + 1;
      }
    }
  }

  function begin(stream: Transform, header: readonly number[], remaining: number): void {
    const first = header[0] as number;
    if (remaining > maxBytes) {
      onOversized(remaining);
      if (first >> 4 !== PUBLISH) throw new Error(`an MQTT packet of type ${first >> 4} with ${remaining} bytes`);
      state = { kind: 'variable-header', first, bytes: [], remaining };
      return;
    }
    stream.push(Buffer.from(header));
    state = remaining === 0 ? { kind: 'fixed-header', bytes: [] } : { kind: 'copy', left: remaining };
  }
}

/** Null while the header is incomplete. */
function remainingLength(header: readonly number[]): number | null {
  const digits = header.slice(1);
  const last = digits.at(-1);
  if (last === undefined) return null;
  if (last >= 128) {
    if (header.length >= LONGEST_FIXED_HEADER) throw new Error('a malformed MQTT packet length');
    return null;
  }
  return digits.reduce((sum, digit, place) => sum + (digit & 127) * 128 ** place, 0);
}

/** Topic length, topic, and with QoS 1 or 2 the packet id; null until the topic's length is known. */
function variableHeaderLength(first: number, bytes: readonly number[]): number | null {
  const [high, low] = bytes;
  if (high === undefined || low === undefined) return null;
  const hasPacketId = (first & 0b0110) !== 0;
  return 2 + high * 256 + low + (hasPacketId ? 2 : 0);
}

function encodeLength(length: number): number[] {
  const digits: number[] = [];
  let left = length;
  do {
    digits.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return digits;
}
