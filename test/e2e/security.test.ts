// What a device, a key and a token may do, tried from outside against the real server.

import { connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../../shared/messages.ts';
import { downWildcard, upTopic } from '../../shared/topics.ts';
import { Fleet, type RunningServer, until } from './fleet.ts';
import { publish } from './publish.ts';
import { connect, connectAs, createToken, enrol, hello, type RawDevice, rawDevice, sayHello } from './raw-device.ts';

const shapes = fileURLToPath(new URL('../fixtures/shapes-tiny/', import.meta.url));
const fleet = new Fleet();
let server: RunningServer;
let alice: RawDevice;
let bob: RawDevice;

const online = async (name: string) =>
  ((await server.call('GET', `/v1/devices/${name}`)).body as { online: boolean }).online;

beforeAll(async () => {
  server = await fleet.server();
  alice = await rawDevice(server, 'alice');
  bob = await rawDevice(server, 'bob');
});
afterAll(() => fleet.end());

describe('MQTT', () => {
  it('refuses a wrong secret, another device’s id, and nobody', async () => {
    const { deviceId, secret } = alice;
    await expect(connect(server, { clientId: deviceId, username: deviceId, password: `${secret}x` })).rejects.toThrow(
      'refused',
    );
    await expect(connect(server, { clientId: bob.deviceId, username: deviceId, password: secret })).rejects.toThrow(
      'refused',
    );
    await expect(connect(server, { clientId: bob.deviceId, username: bob.deviceId, password: secret })).rejects.toThrow(
      'refused',
    );
    await expect(connect(server, { clientId: 'x', username: '', password: '' })).rejects.toThrow('refused');
  });

  it('lets nobody speak for another device', async () => {
    const client = await connectAs(server, alice);
    client.publish(upTopic(bob.deviceId, 'hello'), Buffer.from(hello()), { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await online('bob')).toBe(false);
    client.end(true);
  });

  it('lets nobody listen to another device, nor to all', async () => {
    const client = await connectAs(server, alice);
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    const topics = [downWildcard(bob.deviceId), 'still/v1/+/down/+', '#', '$SYS/#', upTopic(bob.deviceId, 'hello')];
    for (const topic of topics) {
      const granted = await client.subscribeAsync(topic, { qos: 1 }).catch(() => []);
      expect(
        granted.every(({ qos }) => qos === 128),
        topic,
      ).toBe(true);
      if (!client.connected) break;
    }
    const other = await connectAs(server, bob);
    const answers = await sayHello(other, bob);
    await until('an answer for bob', 5000, () => answers.length > 0 || online('bob'));
    expect(heard).toEqual([]);
    client.end(true);
    await other.endAsync();
  });

  it('survives a message that announces a gigabyte', async () => {
    const { hostname, port } = new URL(server.mqttUrl);
    const client = await connectAs(server, alice);
    client.end(true);
    const socket = tcpConnect(Number(port), hostname);
    const packet = (await import('mqtt-packet')).default.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: alice.deviceId,
      keepalive: 0,
      username: alice.deviceId,
      password: Buffer.from(alice.secret),
    });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(packet);
    await new Promise((resolve) => socket.once('data', resolve));
    // PUBLISH, QoS 1, remaining length 268,435,455: the most that the protocol can announce.
    socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
    const piece = Buffer.alloc(1024 * 1024, 0x61);
    let open = true;
    void closed.then(() => {
      open = false;
    });
    for (let sent = 0; sent < 64 && open; sent++) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.race([closed, new Promise((_, reject) => setTimeout(() => reject(new Error('still open')), 5000))]);
    expect((await server.call('GET', '/healthz')).status).toBe(200);
    const again = await connectAs(server, alice);
    await again.endAsync();
  });

  it('lives on after messages that make no sense', async () => {
    const client = await connectAs(server, alice);
    for (const payload of [
      '',
      '{',
      '[]',
      '{"seq":"one"}',
      '\u0000\u0001',
      JSON.stringify({ seq: 1, atMs: 1, body: { kind: 'new' } }),
    ])
      for (const kind of ['hello', 'report', 'progress', 'telemetry', 'offline'] as const)
        await client.publishAsync(upTopic(alice.deviceId, kind), payload, { qos: 1 });
    await sayHello(client, alice);
    await until('alice to be online', 5000, () => online('alice'));
    await client.endAsync();
  });

  it('ends the connection of a revoked device at once and lets it in no more', async () => {
    const carol = await rawDevice(server, 'carol');
    const client = await connectAs(server, carol);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    expect((await server.call('DELETE', '/v1/devices/carol')).status).toBe(200);
    await Promise.race([
      closed,
      new Promise((_, reject) => setTimeout(() => reject(new Error('still connected')), 3000)),
    ]);
    await expect(connectAs(server, carol)).rejects.toThrow('refused');
    expect((await server.call('GET', `/v1/artifacts/${'0'.repeat(64)}`, undefined, carol.credential)).status).toBe(401);
  });
});

describe('HTTP', () => {
  it('asks for a key, and for the right one', async () => {
    for (const key of ['', 'none', 'sk_key_x', `${server.key}x`, alice.credential]) {
      const { status, body } = await server.call('GET', '/v1/devices', undefined, key);
      expect([401, 403], key).toContain(status);
      expect((body as { code: string }).code).toMatch(/unauthenticated|forbidden/);
    }
  });

  it('keeps a key to its scope', async () => {
    const key = async (scope: string) =>
      (await server.call('POST', '/v1/keys', { name: scope, scope })).body as { key: string; keyId: string };
    const viewer = await key('viewer');
    const operator = await key('operator');
    expect((await server.call('GET', '/v1/devices', undefined, viewer.key)).status).toBe(200);
    expect((await server.call('PATCH', '/v1/devices/alice/labels', { set: { a: 'b' } }, viewer.key)).status).toBe(403);
    expect((await server.call('PATCH', '/v1/devices/alice/labels', { set: { a: 'b' } }, operator.key)).status).toBe(
      200,
    );
    expect((await server.call('POST', '/v1/keys', { name: 'x', scope: 'admin' }, operator.key)).status).toBe(403);
    expect((await server.call('DELETE', '/v1/devices/alice', undefined, operator.key)).status).toBe(403);
    expect((await server.call('DELETE', `/v1/keys/${viewer.keyId}`)).status).toBe(200);
    expect((await server.call('GET', '/v1/devices', undefined, viewer.key)).status).toBe(401);
  });

  it('takes a token as often as it says, and no longer than it says', async () => {
    const once = await createToken(server, { uses: 1 });
    expect((await enrol(server, 'dora', once)).status).toBe(201);
    const again = await enrol(server, 'emil', once);
    expect(again.status).toBeGreaterThanOrEqual(401);
    expect(JSON.stringify(again.body)).toMatch(/token/);
    const short = await createToken(server, { uses: 5, expiresInMs: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await enrol(server, 'fritz', short)).status).toBeGreaterThanOrEqual(401);
    expect((await enrol(server, 'gustav', 'st_made_up')).status).toBeGreaterThanOrEqual(401);
    // A name that is taken stays with the device that has it.
    const taken = await enrol(server, 'alice', await createToken(server));
    expect(taken.status).toBe(409);
  });

  it('shows a device only what it was offered', async () => {
    const published = await publish(server, join(shapes, '1.0.0'));
    expect(published.status).toBe(201);
    const { versionDigest } = published.body as { versionDigest: string };
    const detail = (await server.call('GET', '/v1/models/shapes-tiny/versions/1.0.0')).body as {
      manifest: { artifacts: { sha256: string }[] };
    };
    const sha256 = detail.manifest.artifacts[0]?.sha256;
    const seen = async (device: RawDevice) => [
      (
        await fetch(new URL(`/v1/artifacts/${sha256}`, server.url), {
          headers: { authorization: `Bearer ${device.credential}` },
        })
      ).status,
      (
        await fetch(new URL(`/v1/manifests/${versionDigest}`, server.url), {
          headers: { authorization: `Bearer ${device.credential}` },
        })
      ).status,
    ];
    expect(await seen(alice)).not.toContain(200);
    const rollout = await server.call('POST', '/v1/rollouts', { model: 'shapes-tiny', version: '1.0.0', to: 'alice' });
    expect(rollout.status).toBe(201);
    await until('the offer', 5000, async () => (await seen(alice)).every((status) => status === 200));
    expect(await seen(bob)).not.toContain(200);
  });

  it('takes a picture only from the device that was asked for it', async () => {
    const client = await connectAs(server, alice);
    const installation = (
      (await server.call('GET', '/v1/devices/alice')).body as {
        installations: { installationId: string; version: string; variant: string }[];
      }
    ).installations[0];
    const { versionDigest } = (await server.call('GET', '/v1/models/shapes-tiny/versions/1.0.0')).body as {
      versionDigest: string;
    };
    const running = installation && {
      installationId: installation.installationId,
      model: 'shapes-tiny',
      version: '1.0.0',
      versionDigest,
      variant: installation.variant,
      role: 'current' as const,
    };
    await sayHello(client, alice, { running: running ? [running] : [] });
    await until(
      'alice to run it',
      5000,
      async () => ((await server.call('GET', '/v1/devices/alice')).body as { running: unknown[] }).running.length > 0,
    );
    const requested = await server.call('POST', '/v1/pictures', { device: 'alice', prompt: 'a circle' });
    expect(requested.status).toBe(202);
    const { pictureId } = requested.body as { pictureId: string };
    const png = Buffer.from('89504e470d0a1a0a', 'hex');
    const put = async (credential: string) =>
      (
        await fetch(new URL(`/v1/pictures/${pictureId}/content`, server.url), {
          method: 'PUT',
          headers: { authorization: `Bearer ${credential}`, 'content-type': 'image/png' },
          body: png,
        })
      ).status;
    expect([403, 404]).toContain(await put(bob.credential));
    expect(await put('nobody')).toBe(401);
    expect(
      (await server.call('GET', `/v1/pictures/${pictureId}/content`, undefined, bob.credential)).status,
    ).toBeGreaterThanOrEqual(401);
    await client.endAsync();
  });

  it('stores a report once, however often it is sent, and acknowledges it', async () => {
    const dina = await rawDevice(server, 'dina');
    await server.call('POST', '/v1/rollouts', { model: 'shapes-tiny', version: '1.0.0', to: 'dina' });
    const client = await connectAs(server, dina);
    const heard = await sayHello(client, dina);
    // The hello may be answered before the rollout's first tick: with nothing to run yet.
    const model = await until('the desired version', 5000, () =>
      heard
        .filter(({ topic }) => topic.endsWith('/desired'))
        .flatMap(({ message }) => (message.desired as { models: { installationId: string }[] }).models)
        .at(0),
    );
    const report = encode({
      seq: 1,
      atMs: Date.now(),
      body: { kind: 'installation', installationId: model.installationId, from: 'NOTIFIED', to: 'DOWNLOADING' },
    });
    for (let i = 0; i < 3; i++)
      await client.publishAsync(upTopic(dina.deviceId, 'report'), Buffer.from(report), { qos: 1 });
    await until('the acknowledgement', 5000, () =>
      heard.some(({ topic, message }) => topic.endsWith('/ack') && message.upTo === 1),
    );
    const { installations } = (await server.call('GET', '/v1/devices/dina')).body as {
      installations: { state: string }[];
    };
    expect(installations.map(({ state }) => state)).toEqual(['DOWNLOADING']);
    await client.endAsync();
  });
});
