// Bad input to the real server: a clear error that names what was wrong, and nothing kept of it.
import { createHash } from 'node:crypto';
import { get as httpGet } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../shared/manifest.ts';
import { Fleet, type RunningServer } from './fleet.ts';
import { publish } from './publish.ts';
import { rawDevice } from './raw-device.ts';

const shapes = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));
const fleet = new Fleet();
let server: RunningServer;

beforeAll(async () => {
  server = await fleet.server();
});
afterAll(() => fleet.end());

const put = (sha256: string, bytes: Uint8Array<ArrayBuffer>) =>
  fetch(new URL(`/v1/artifacts/${sha256}`, server.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/octet-stream' },
    body: bytes,
  });

/** Without fetch, which forbids every cache on the way as soon as a request is conditional. */
const statusOf = (sha256: string, headers: Record<string, string>) =>
  new Promise((resolve, reject) => {
    const options = { headers: { authorization: `Bearer ${server.key}`, ...headers } };
    httpGet(new URL(`/v1/artifacts/${sha256}`, server.url), options, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });

const change = (edit: (manifest: Manifest) => void) => (manifest: Manifest) => {
  const copy = structuredClone(manifest);
  edit(copy);
  return copy;
};

describe('artifacts', () => {
  it('refuses bytes that are not what their name says, and keeps none of them', async () => {
    const sha256 = createHash('sha256').update('right').digest('hex');
    const refused = await put(sha256, new TextEncoder().encode('wrong'));
    expect(refused.status).toBe(422);
    expect(JSON.stringify(await refused.json())).toContain(sha256);
    expect((await server.call('POST', '/v1/artifacts/missing', { sha256: [sha256] })).body).toEqual({
      sha256: [sha256],
    });
    expect((await put('../../etc/passwd', new Uint8Array(1))).status).toBeGreaterThanOrEqual(400);
    expect((await put('ABC', new Uint8Array(1))).status).toBe(400);
  });

  it('serves ranges, and says what it cannot serve', async () => {
    const bytes = new TextEncoder().encode('0123456789');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect((await put(sha256, bytes)).status).toBe(201);
    const get = (headers: Record<string, string>) =>
      fetch(new URL(`/v1/artifacts/${sha256}`, server.url), {
        headers: { authorization: `Bearer ${server.key}`, ...headers },
      });
    const whole = await get({});
    expect(await whole.text()).toBe('0123456789');
    const etag = whole.headers.get('etag') ?? '';
    expect(etag).toContain(sha256);
    expect(whole.headers.get('cache-control')).toContain('immutable');
    const part = await get({ range: 'bytes=3-5' });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, '345', 'bytes 3-5/10']);
    expect(await (await get({ range: 'bytes=8-' })).text()).toBe('89');
    expect((await get({ range: 'bytes=10-' })).status).toBe(416);
    expect(await statusOf(sha256, { 'if-none-match': etag })).toBe(304);
    // Another file's tag: the range no longer holds, the whole file comes.
    expect((await get({ range: 'bytes=3-5', 'if-range': '"other"' })).status).toBe(200);
  });
});

describe('manifests', () => {
  it.each<[string, (manifest: Manifest) => void, RegExp]>([
    [
      'a path that climbs',
      (m) => Object.assign(m.artifacts[0] ?? {}, { path: '../../etc/cron.d/x' }),
      /artifacts.*path|relative path/,
    ],
    ['an absolute path', (m) => Object.assign(m.artifacts[0] ?? {}, { path: '/etc/passwd' }), /relative path/],
    ['a digest that is none', (m) => Object.assign(m.artifacts[0] ?? {}, { sha256: 'abc' }), /64 hexadecimal digits/],
    ['an artifact that was not sent', (m) => Object.assign(m.artifacts[0] ?? {}, { sha256: 'f'.repeat(64) }), /ffff/],
    ['a size that is not so', (m) => Object.assign(m.artifacts[0] ?? {}, { sizeBytes: 7 }), /size|bytes/],
    ['a variant without its files', (m) => m.variants[0]?.artifacts.push('nowhere.onnx'), /nowhere\.onnx/],
    ['no variants', (m) => Object.assign(m, { variants: [] }), /variants/],
    ['another schema', (m) => Object.assign(m, { schemaVersion: 99 }), /schemaVersion/],
    ['a version that is none', (m) => Object.assign(m, { version: 'latest' }), /semantic version/],
  ])('refuses %s', async (_, edit, why) => {
    const refused = await publish(server, shapes, change(edit)).catch((error) => ({ status: 0, body: String(error) }));
    expect([400, 422]).toContain(refused.status);
    expect(JSON.stringify(refused.body)).toMatch(why);
    expect((await server.call('GET', '/v1/models')).body).toEqual([]);
  });

  it('takes the same version twice, and refuses other bytes under its name', async () => {
    expect((await publish(server, shapes)).status).toBe(201);
    expect([200, 201]).toContain((await publish(server, shapes)).status);
    const other = await publish(
      server,
      shapes,
      change((m) => Object.assign(m, { description: 'another' })),
    );
    expect(other.status).toBe(409);
    expect(JSON.stringify(other.body)).toContain('shapes-tiny@1.0.0');
  });
});

describe('requests', () => {
  beforeAll(async () => {
    await rawDevice(server, 'alice');
    await publish(server, shapes);
  });

  it.each<[string, string, string, unknown, number, RegExp]>([
    [
      'an unreadable gate',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'all', gates: ['speed>=4'] },
      400,
      /unknown metric.*position 1/,
    ],
    [
      'an unreadable selector',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'site=' },
      400,
      /selector.*position/,
    ],
    [
      'waves that shrink',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'all', waves: ['50%', '10%'] },
      400,
      /waves?/,
    ],
    [
      'a wave that is none',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'all', waves: ['lots'] },
      400,
      /lots/,
    ],
    [
      'a rollout to nobody',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'site=mars' },
      422,
      /no device/i,
    ],
    [
      'a version that is not published',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '9.9.9', to: 'all' },
      404,
      /shapes-tiny@9\.9\.9/,
    ],
    [
      'an unknown field',
      'POST',
      '/v1/rollouts',
      { model: 'shapes-tiny', version: '1.0.0', to: 'all', gate: ['x'] },
      400,
      /gate/,
    ],
    [
      'a prompt that is too long',
      'POST',
      '/v1/pictures',
      { device: 'alice', prompt: 'a'.repeat(5000) },
      400,
      /prompt: too long; at most 2000/,
    ],
    ['no prompt', 'POST', '/v1/pictures', { device: 'alice' }, 400, /prompt/],
    ['a huge picture', 'POST', '/v1/pictures', { device: 'alice', prompt: 'a circle', width: 1e6 }, 400, /width/],
    ['a device that runs nothing', 'POST', '/v1/pictures', { device: 'alice', prompt: 'a circle' }, 422, /runs no/],
    ['a device nobody knows', 'POST', '/v1/pictures', { device: 'nobody', prompt: 'a circle' }, 404, /nobody/],
    [
      'a bench of a version it does not have',
      'POST',
      '/v1/bench-runs',
      { device: 'alice', model: 'shapes-tiny', version: '9.9.9' },
      404,
      /9\.9\.9/,
    ],
    ['no JSON', 'POST', '/v1/rollouts', undefined, 400, /body|JSON/i],
    ['a path that is not there', 'GET', '/v1/nothing', undefined, 404, /nothing/],
  ])('says what is wrong: %s', async (_, method, path, body, status, why) => {
    const answer = await server.call(method, path, body);
    expect({ status: answer.status, body: JSON.stringify(answer.body) }).toMatchObject({
      status,
      body: expect.stringMatching(why),
    });
    expect(answer.body).toMatchObject({ status, code: expect.any(String), title: expect.any(String) });
  });

  it('says where a broken JSON body breaks, and refuses one that is too large', async () => {
    const send = (body: string) =>
      fetch(new URL('/v1/tokens', server.url), {
        method: 'POST',
        headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
        body,
      });
    const broken = await send('{"uses": 1,}');
    expect([broken.status, broken.headers.get('content-type')]).toEqual([
      400,
      expect.stringContaining('application/problem+json'),
    ]);
    expect((await send(`{"labels": {"a": "${'x'.repeat(5_000_000)}"}}`)).status).toBe(413);
  });
});
