// The whole server in this process, over real sockets: HTTP by fetch, MQTT by mqtt.js.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../shared/messages.ts';
import { downWildcard, upTopic } from '../shared/topics.ts';
import { until } from '../test/e2e/fleet.ts';
import { hello } from '../test/e2e/raw-device.ts';
import { inventory } from '../test/raspberry-pi.ts';
import { type RunningServer, startServer } from './start-server.ts';
import { systemClock, systemRandomness } from './system-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-start-'));
const place = { host: '127.0.0.1', port: 0 };
const config = { data: folder, http: place, mqtt: place, broker: null, egressBytesPerSecond: Infinity };
const logged: string[] = [];
const surroundings = {
  ...{ clock: systemClock, randomness: systemRandomness, version: '1.2.3' },
  log: (_: string, message: string) => logged.push(message),
};
let server: RunningServer;
let key: string;

beforeAll(async () => {
  server = await startServer(config, surroundings);
  key = readFileSync(join(folder, 'admin.key'), 'utf8').trim();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (path: string, init: RequestInit = {}, withKey = key) =>
  fetch(new URL(path, server.httpUrl), { ...init, headers: { authorization: `Bearer ${withKey}`, ...init.headers } });
const post = (path: string, body: unknown) => ask(path, { method: 'POST', body: JSON.stringify(body) });

async function enrol(name: string): Promise<{ deviceId: string; password: string; credential: string }> {
  const { token } = (await (await post('/v1/tokens', {})).json()) as { token: string };
  const answer = await post('/v1/enrol', { token, name, inventory });
  expect(answer.status).toBe(201);
  const { deviceId, credential } = (await answer.json()) as { deviceId: string; credential: string };
  return { deviceId, credential, password: credential.slice(`sd_${deviceId}_`.length) };
}

async function connect({ deviceId, password }: { deviceId: string; password: string }): Promise<MqttClient> {
  return mqtt.connectAsync(server.mqttUrl, {
    clientId: deviceId,
    username: deviceId,
    password,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
}

const isOnline = async (name: string) =>
  ((await (await ask(`/v1/devices/${name}`)).json()) as { online: boolean }).online;

describe('the folder', () => {
  it('holds secrets for its owner alone', () => {
    for (const file of ['admin.key', 'server.json'])
      expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600);
    expect(JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8'))).toMatchObject({
      http: server.httpUrl,
      mqtt: server.mqttUrl,
    });
    // No secret stands in the database.
    const secret = key.slice(key.lastIndexOf('_') + 1);
    expect(readFileSync(join(folder, 'stillhouse.db-wal')).includes(secret)).toBe(false);
  });

  it('is refused to a second server', async () => {
    await expect(startServer(config, surroundings)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('another server'),
    });
  });

  it('and a taken port is named with the option that moves it', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const other = mkdtempSync(join(tmpdir(), 'stillhouse-port-'));
    const start = (over: object) => startServer({ ...config, data: other, ...over }, surroundings);
    await expect(start({ http: { host: '127.0.0.1', port } })).rejects.toThrow(/--http/);
    await expect(start({ mqtt: { host: '127.0.0.1', port } })).rejects.toThrow(/--mqtt/);
    taken.close();
    rmSync(other, { recursive: true });
  });
});

describe('health', () => {
  it('is open to all, and says what it looked at', async () => {
    expect(await (await fetch(new URL('/healthz', server.httpUrl))).json()).toMatchObject({ status: 'ok' });
    expect(await (await fetch(new URL('/readyz', server.httpUrl))).json()).toEqual({
      status: 'ok',
      checks: { database: 'ok', broker: 'ok' },
    });
  });
});

describe('a device over MQTT', () => {
  it('says hello, hears its desired state, and is offline when its connection breaks', async () => {
    const device = await enrol('pi-hello');
    const client = await mqtt.connectAsync(server.mqttUrl, {
      ...{
        clientId: device.deviceId,
        username: device.deviceId,
        password: device.password,
        protocolVersion: 4,
        reconnectPeriod: 0,
      },
      will: {
        topic: upTopic(device.deviceId, 'offline'),
        payload: Buffer.from(encode({ bootId: 'b', reason: 'lost' })),
        qos: 1,
        retain: false,
      },
    });
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    await client.subscribeAsync(downWildcard(device.deviceId), { qos: 1 });
    await client.publishAsync(upTopic(device.deviceId, 'hello'), Buffer.from(hello({ bootId: 'b' })), { qos: 1 });
    await until('the desired state', 5000, () => heard.some((topic) => topic.endsWith('/desired')));
    expect(await isOnline('pi-hello')).toBe(true);
    client.stream.destroy();
    await until('it to be offline', 5000, async () => !(await isOnline('pi-hello')));
    client.end(true);
  });

  it('is cut off when it retains, speaks for another, or is revoked', async () => {
    const [device, other] = [await enrol('pi-bad'), await enrol('pi-other')];
    const closes = async (act: (client: MqttClient) => unknown) => {
      const client = await connect(device);
      client.on('error', () => {});
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
      await act(client);
      await closed;
      client.end(true);
    };
    await closes((client) => client.publish(upTopic(device.deviceId, 'hello'), 'x', { retain: true, qos: 1 }));
    await closes((client) => client.publish(upTopic(other.deviceId, 'hello'), 'x', { qos: 1 }));
    await closes((client) => client.publish(upTopic(device.deviceId, 'hello'), Buffer.alloc(300 * 1024), { qos: 1 }));
    await closes(() => ask('/v1/devices/pi-bad', { method: 'DELETE' }));
    await expect(connect(device)).rejects.toThrow(/[Nn]ot authorized/);
  });

  it('that talks nonsense is counted and logged once', async () => {
    const client = await connect(await enrol('pi-nonsense'));
    const id = client.options.clientId ?? '';
    for (let i = 0; i < 5; i++) await client.publishAsync(upTopic(id, 'report'), '{', { qos: 1 });
    await client.publishAsync(upTopic(id, 'hello'), Buffer.from(hello()), { qos: 1 });
    await until('it to be online', 5000, () => isOnline('pi-nonsense'));
    expect(logged.filter((message) => message.includes('does not parse'))).toHaveLength(1);
    await client.endAsync();
  });
});

describe('events', () => {
  it('tell what changes, and go on where a reader was cut off', async () => {
    const read = async (headers: Record<string, string>, wanted: RegExp) => {
      const stop = new AbortController();
      const response = await ask('/v1/events', { headers, signal: stop.signal });
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (wanted.test(text)) break;
      }
      stop.abort();
      return text;
    };
    await enrol('pi-events');
    const reading = read({}, /"b":"2"/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const set of [{ a: '1' }, { b: '2' }])
      await ask('/v1/devices/pi-events/labels', { method: 'PATCH', body: JSON.stringify({ set }) });
    const text = await reading;
    const [first] = /id: \d+/.exec(text) ?? [];
    expect(text).toMatch(/event: device\ndata: \{.*"subject":"pi-events"/);
    const again = await read({ 'last-event-id': String(Number(first?.slice(4)) - 1) }, /"b":"2"/);
    expect(again).toContain(`${first}\n`);
  });
});

describe('keys', () => {
  it('too many that do not hold are slowed down, one that holds never is', async () => {
    let last = 0;
    for (let i = 0; i < 130 && last !== 429; i++) last = (await ask('/v1/devices', {}, `wrong${i}`)).status;
    expect(last).toBe(429);
    expect((await ask('/v1/devices')).status).toBe(200);
  });

  it('the last one of an admin stays', async () => {
    const [{ keyId } = { keyId: '' }] = (await (await ask('/v1/keys')).json()) as { keyId: string }[];
    expect((await ask(`/v1/keys/${keyId}`, { method: 'DELETE' })).status).toBe(409);
  });
});

it.each<[string, string, object?]>([
  ['GET', '/v1/devices/nobody'],
  ['GET', '/v1/devices/nobody/why'],
  ['PATCH', '/v1/devices/nobody/labels', { set: { site: 'home' } }],
  ['DELETE', '/v1/devices/nobody'],
  ['GET', '/v1/pictures?device=nobody'],
  ['GET', '/v1/bench-runs?device=nobody'],
  ['POST', '/v1/pictures', { device: 'nobody', prompt: 'a fox' }],
  ['POST', '/v1/bench-runs', { device: 'nobody', model: 'foxes', version: '1.0.0' }],
])('a device that nobody knows is refused in the same words: %s %s', async (method, path, body) => {
  const answer = await ask(path, { method, ...(body && { body: JSON.stringify(body) }) });
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ detail: 'no device "nobody"; "still devices" lists them' });
});

it('a device that was revoked is gone for whoever asks something of it', async () => {
  await enrol('pi-old');
  expect((await ask('/v1/devices/pi-old', { method: 'DELETE' })).status).toBe(200);
  const label = { method: 'PATCH', body: JSON.stringify({ set: { site: 'home' } }) };
  for (const asked of [
    await ask('/v1/devices/pi-old/labels', label),
    await post('/v1/pictures', { device: 'pi-old', prompt: 'a fox' }),
    await post('/v1/bench-runs', { device: 'pi-old', model: 'foxes', version: '1.0.0' }),
  ]) {
    expect(asked.status).toBe(410);
    expect(((await asked.json()) as { detail: string }).detail).toContain('pi-old was revoked');
  }
});

it('a bounded page and HEAD', async () => {
  expect((await ask('/v1/audit?limit=2')).status).toBe(200);
  expect(((await (await ask('/v1/audit?limit=2')).json()) as unknown[]).length).toBe(2);
  expect((await ask('/v1/audit?limit=0')).status).toBe(400);
  expect((await ask('/v1/devices', { method: 'HEAD' })).status).toBe(200);
});

it.each([
  ['/v1/pictures?limt=5', 'limt: no such parameter; there is limit, device'],
  ['/v1/devices?selector=all&site=home&page=2', 'site, page: no such parameter; there is selector'],
  ['/v1/models?limit=5', 'limit: no parameter is taken here'],
])('a parameter that nobody reads is refused: %s', async (path, detail) => {
  const answer = await ask(path);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'invalid_input', detail });
});

describe('another broker', () => {
  it('does the same work, with the devices’ address told at the enrolment', async () => {
    const aedes = await Aedes.createBroker();
    const listener = createServer((socket) => void aedes.handle(socket)).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const broker = `mqtt://127.0.0.1:${(listener.address() as { port: number }).port}`;
    const data = mkdtempSync(join(tmpdir(), 'stillhouse-broker-'));
    const other = await startServer({ ...config, data, broker }, surroundings);
    const bearer = { authorization: `Bearer ${readFileSync(join(data, 'admin.key'), 'utf8').trim()}` };
    const send = async (path: string, body: unknown) =>
      (
        await fetch(new URL(path, other.httpUrl), { method: 'POST', headers: bearer, body: JSON.stringify(body) })
      ).json();
    const { token } = (await send('/v1/tokens', {})) as { token: string };
    const enrolled = (await send('/v1/enrol', { token, name: 'pi', inventory })) as { deviceId: string; mqtt: object };
    expect(enrolled.mqtt).toMatchObject({ url: broker });
    const client = await mqtt.connectAsync(broker, { clientId: enrolled.deviceId, reconnectPeriod: 0 });
    const answered = new Promise<string>((resolve) => client.once('message', resolve));
    await client.subscribeAsync(downWildcard(enrolled.deviceId), { qos: 1 });
    await client.publishAsync(upTopic(enrolled.deviceId, 'hello'), Buffer.from(hello()), { qos: 1 });
    expect(await answered).toMatch(/\/down\/desired$/);
    await client.endAsync();
    await other.stop();
    await new Promise<void>((resolve) => aedes.close(resolve));
    listener.close();
    rmSync(data, { recursive: true });
  });
});
