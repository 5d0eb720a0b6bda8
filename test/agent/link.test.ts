import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqttPacket from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { downTopic } from '../../shared/topics.ts';
import { FakeEngines } from './fake-engines.ts';
import { LittleServer, makeId } from './little-server.ts';
import { startAgent, type WholeAgent } from './whole-agent.ts';

let folder: string;
let server: LittleServer;
let agent: WholeAgent;
const until = <T>(ask: () => T) => vi.waitUntil(ask, { timeout: 10_000, interval: 5 });
const start = () => startAgent(server, new FakeEngines(), { folder: join(folder, 'agent') });
const report = (count: number) => {
  for (let n = 0; n < count; n++) agent.store.outgoing.append({ kind: 'running', running: [] });
};
const numbers = () => server.reports().map(({ seq }) => seq);
const heardReports = () => server.heard.filter(({ kind }) => kind === 'report').length;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-link-'));
  server = await new LittleServer().start();
  agent = start();
  await until(() => agent.lines.includes('ready'));
});
afterEach(async () => {
  await agent.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the link', () => {
  it('says hello first, and where everything stands', () => {
    expect(server.heard[0]?.kind).toBe('hello');
    expect(server.hellos()[0]).toMatchObject({ generation: -1, running: [], jobs: [], installations: [] });
  });

  it('delivers every report in order and keeps none that is acknowledged', async () => {
    report(100);
    await until(() => agent.store.outgoing.size() === 0);
    expect(numbers()).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  });

  it('delivers what was written while the server was away, and what it never acknowledged again', async () => {
    server.acknowledges = false;
    report(5);
    await until(() => heardReports() === 5);
    const port = server.mqttPort;
    await server.stopBroker();
    await until(() => agent.lines.some((line) => line.includes('no connection')));
    report(40);
    server.acknowledges = true;
    await server.startBroker(port);
    await until(() => agent.store.outgoing.size() === 0);
    expect(numbers()).toEqual(Array.from({ length: 45 }, (_, n) => n + 1));
    expect(heardReports()).toBe(50);
    expect(server.hellos()).toHaveLength(2);
  });

  it('survives a line that breaks again and again', async () => {
    for (let n = 0; n < 5; n++) {
      report(30);
      await new Promise((resolve) => setTimeout(resolve, 15));
      server.cutConnections();
    }
    await until(() => agent.store.outgoing.size() === 0);
    expect(numbers()).toEqual(Array.from({ length: 150 }, (_, n) => n + 1));
  });

  it('goes on over a restart of the agent', async () => {
    server.acknowledges = false;
    report(3);
    await until(() => heardReports() === 3);
    await agent.stop();
    server.acknowledges = true;
    agent = start();
    report(1);
    await until(() => agent.store.outgoing.size() === 0);
    expect(numbers()).toEqual([1, 2, 3, 4]);
    expect(new Set(server.hellos().map(({ bootId }) => bootId)).size).toBe(2);
  });

  it('gets what was sent to it while it was away', async () => {
    await agent.stop();
    server.desire(4, []);
    await new Promise((resolve) => setTimeout(resolve, 50));
    agent = start();
    await until(() => agent.store.desired.get()?.generation === 4);
  });

  it('says goodbye at an orderly end; the broker says it otherwise', async () => {
    server.cutConnections();
    await until(() => server.heard.some(({ message }) => 'reason' in message && message.reason === 'lost'));
    await until(() => agent.lines.filter((line) => line === 'ready').length === 2);
    await agent.stop();
    await until(() => server.heard.some(({ message }) => 'reason' in message && message.reason === 'shutdown'));
    expect(server.heard.at(-1)?.kind).toBe('offline');
    agent = start();
  });

  it('tells a device that was revoked, and does not hammer the server', async () => {
    server.isRevoked = true;
    server.cutConnections();
    await until(() => agent.lines.some((line) => line.includes('refuses this device')));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(agent.lines.filter((line) => line.includes('refuses this device'))).toHaveLength(1);
  });

  it('does not acknowledge what it could not store', async () => {
    const put = agent.store.desired.put.bind(agent.store.desired);
    let failures = 2;
    agent.store.desired.put = (desired) => {
      if (failures-- > 0) throw new Error('database or disk is full');
      return put(desired);
    };
    server.desire(1, []);
    await until(() => agent.store.desired.get()?.generation === 1);
    expect(agent.lines.filter((line) => line.includes('could not be stored'))).toHaveLength(2);
  });
});

describe('what does not parse', () => {
  it.each([
    ['no JSON', Buffer.from('hello')],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
    ['another shape', Buffer.from('{"commandId": 7}')],
    ['a poisonous id', Buffer.from(JSON.stringify({ commandId: '../../x', sentAtMs: 0, deadlineMs: 1, body: {} }))],
    ['nothing', Buffer.alloc(0)],
    ['too much', Buffer.alloc(10_000_000, 0x20)],
  ])('%s: is counted, told once, acknowledged, and the agent lives', async (_name, payload) => {
    for (let n = 0; n < 3; n++) server.sendRaw('command', payload);
    await until(() => agent.inbox.malformed.get('command') === 3);
    expect(agent.lines.filter((line) => line.includes('does not parse'))).toHaveLength(1);
    server.desire(1, []);
    await until(() => agent.store.desired.get()?.generation === 1);
    expect(server.hellos()).toHaveLength(1);
  });

  it('the largest message that MQTT has passes by without filling the memory', async () => {
    const size = 2 ** 28 - 1;
    const header = Buffer.concat([
      Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]),
      topicBytes(downTopic(server.deviceId, 'command')),
    ]);
    const acknowledged: number[] = [];
    const broker = createServer((socket) => {
      const parser = mqttPacket.parser();
      socket.on('data', (chunk) => parser.parse(chunk));
      socket.on('error', () => {});
      parser.on('packet', (packet) => {
        if (packet.cmd === 'connect')
          socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
        if (packet.cmd === 'subscribe')
          socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] }));
        if (packet.cmd === 'puback') acknowledged.push(packet.messageId ?? 0);
        if (packet.cmd !== 'publish') return;
        socket.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }));
        socket.write(Buffer.concat([header, Buffer.from([0, 9])]));
        flood(size - (header.length - 5) - 2);
      });
      const piece = Buffer.alloc(1024 * 1024);
      const flood = (left: number): void => {
        if (left <= 0) return;
        socket.write(piece.subarray(0, Math.min(left, piece.length)), () => flood(left - piece.length));
      };
    });
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
    await agent.stop();
    const { mqttUrl } = server;
    server.mqttUrl = `mqtt://127.0.0.1:${(broker.address() as AddressInfo).port}`;
    const before = process.memoryUsage().rss;
    agent = start();
    await until(() => acknowledged.includes(9));
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
    expect(agent.inbox.malformed.get('command')).toBe(1);
    await agent.stop();
    broker.close();
    server.mqttUrl = mqttUrl;
    agent = start();
  });
});

describe('commands', () => {
  it('for a model that is not here end at once, also when they come twice', async () => {
    const job = server.command({ kind: 'picture', request: { prompt: 'a', seed: 1 } }, { commandId: makeId('pic') });
    await until(() => server.job(job).at(-1)?.to === 'REJECTED');
  });
});

function topicBytes(topic: string): Buffer {
  const bytes = Buffer.from(topic);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}
