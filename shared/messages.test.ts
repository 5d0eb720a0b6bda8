import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from './ids.ts';
import { limits } from './limits.ts';
import { Ack, Command, decode, encode, Progress } from './messages.ts';
import { DOWN, downTopic, parseTopic, UP, upTopic } from './topics.ts';

const deviceId = newId('dev', 1_700_000_000_000, (n) => new Uint8Array(n).fill(7));

describe('topics', () => {
  it('parses what it builds', () => {
    for (const kind of UP) expect(parseTopic(upTopic(deviceId, kind))).toEqual({ direction: 'up', deviceId, kind });
    for (const kind of DOWN)
      expect(parseTopic(downTopic(deviceId, kind))).toEqual({ direction: 'down', deviceId, kind });
  });

  it.each([
    'still/v1/+/up/hello',
    'still/v1/x/up/hello',
    `still/v1/${deviceId}/up/desired`,
    `still/v2/${deviceId}/up/hello`,
    `still/v1/${deviceId}/up/hello/more`,
    '',
  ])('gives null for %j', (topic) => expect(parseTopic(topic)).toBeNull());
});

describe('decode', () => {
  it('reads back what encode wrote and keeps fields that it does not know', () => {
    const message = { upTo: 7, serverTimeMs: 1, fromTheFuture: { a: 1 } };
    expect(decode(Ack, encode(message))).toEqual({ kind: 'message', message });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['message', 'malformed']).toContain(decode(Command, bytes).kind);
      }),
    );
  });

  it('says what is wrong and how the payload began', () => {
    const decoded = decode(Progress, encode({ atMs: -1, of: { kind: 'job' } }));
    expect(decoded).toMatchObject({ kind: 'malformed', firstBytes: '{"atMs":-1,"of":{"kind":"job"}}' });
    expect(decoded.kind === 'malformed' && decoded.why).toContain('atMs');
  });

  it('refuses a payload above the limit without parsing it', () => {
    const decoded = decode(Ack, new Uint8Array(limits.mqttMessageBytes + 1));
    expect(decoded.kind === 'malformed' && decoded.why).toContain('the limit is');
  });
});

describe('newId', () => {
  it('sorts by time and fits its own pattern', () => {
    const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
    const ids = [1, 1000, 1_700_000_000_000, 1_700_000_000_001].map((ms) => newId('job', ms, random));
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(parseTopic(upTopic(id, 'hello'))).not.toBeNull();
  });
});
