import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { PacketLengths } from './packet-limit.ts';

const publish = (bytes: number) =>
  mqttPacket.generate({
    ...{ cmd: 'publish', topic: 't', qos: 1, messageId: 1, dup: false, retain: false },
    payload: Buffer.alloc(bytes, 0xff),
  });

function feed(stream: Buffer, cuts: number[], maxBytes: number): boolean {
  const lengths = new PacketLengths(maxBytes);
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return edges.slice(1).every((edge, i) => lengths.accept(stream.subarray(edges[i], edge)));
}

describe('PacketLengths', () => {
  it('lets packets within the limit pass, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (sizes, cuts) => {
          const stream = Buffer.concat([...sizes.map(publish), mqttPacket.generate({ cmd: 'pingreq' })]);
          expect(feed(stream, cuts, 20_100)).toBe(true);
          // The same stream with one packet above the limit, wherever it stands.
          expect(feed(Buffer.concat([stream, publish(20_200)]), cuts, 20_100)).toBe(false);
        },
      ),
    );
  });

  it('refuses at the announcement, before a byte of the message', () => {
    const lengths = new PacketLengths(1000);
    expect(lengths.accept(Buffer.from([0x32, 0xff, 0xff]))).toBe(false);
  });

  it('refuses a length of more than four bytes', () => {
    expect(new PacketLengths(Infinity).accept(Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0x01]))).toBe(false);
  });
});
