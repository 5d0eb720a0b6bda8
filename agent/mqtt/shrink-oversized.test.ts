import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { shrinkOversized } from './shrink-oversized.ts';

const MAX = 500;

type Sent = { readonly topic: string; readonly size: number; readonly qos: 0 | 1; readonly messageId: number };

const message: fc.Arbitrary<Sent> = fc.record({
  topic: fc.stringMatching(/^[a-z/]{1,40}$/),
  size: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 600, max: 70_000 })),
  qos: fc.constantFrom(0 as const, 1 as const),
  messageId: fc.integer({ min: 1, max: 65_535 }),
});

const publish = ({ topic, size, qos, messageId }: Sent) =>
  mqttPacket.generate({
    ...{ cmd: 'publish', topic, payload: Buffer.alloc(size, 'x'), qos, retain: false, dup: false },
    ...(qos === 1 && { messageId }),
  });

async function through(bytes: Buffer, cuts: readonly number[]) {
  const oversized: number[] = [];
  const stream = shrinkOversized(MAX, (size) => oversized.push(size));
  const packets: { topic: string; size: number; qos: number; messageId: number | undefined }[] = [];
  let passedBytes = 0;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => {
    if (packet.cmd === 'publish')
      packets.push({ topic: packet.topic, size: packet.payload.length, qos: packet.qos, messageId: packet.messageId });
  });
  stream.on('data', (chunk: Buffer) => {
    passedBytes += chunk.length;
    parser.parse(chunk);
  });
  const ended = finished(stream);
  ended.catch(() => {});
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const count = cuts[turn % cuts.length] as number;
    if (!stream.write(bytes.subarray(at, at + count)))
      await Promise.race([ended, new Promise((resolve) => stream.once('drain', resolve))]);
    if (stream.errored) break;
    at += count;
  }
  stream.end();
  await ended;
  return { packets, oversized, passedBytes };
}

describe('shrinkOversized', () => {
  it('passes what fits untouched and takes the payload of what does not, in any cut', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 8 }), cuts, async (messages, sizes) => {
        const { packets, oversized } = await through(Buffer.concat(messages.map(publish)), sizes);
        expect(packets).toEqual(
          messages.map(({ topic, size, qos, messageId }) => ({
            ...{ topic, qos, size: size > 400 ? 0 : size, messageId: qos === 1 ? messageId : undefined },
          })),
        );
        expect(oversized).toHaveLength(messages.filter(({ size }) => size > 400).length);
      }),
      { numRuns: 200 },
    );
  });

  it('lets next to nothing of the largest message through', async () => {
    const bytes = publish({ topic: 'a/b', size: 100_000_000, qos: 1, messageId: 7 });
    const { packets, passedBytes } = await through(bytes, [65_536]);
    expect(packets).toEqual([{ topic: 'a/b', size: 0, qos: 1, messageId: 7 }]);
    expect(passedBytes).toBeLessThan(20);
  });

  it('ends the stream over what is no MQTT', async () => {
    await expect(through(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), [100])).rejects.toThrow('malformed');
    await expect(through(Buffer.from([0x90, 0xff, 0xff, 0x7f]), [100])).rejects.toThrow('type 9');
  });
});
