import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../system-world.ts';
import { Egress } from './egress.ts';
import { BufferPool, sendBlob } from './send-blob.ts';

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-blob-'));
const path = join(folder, 'blob');
const bytes = randomBytes(3_000_001);
const sha256 = 'ab'.repeat(32);
const errors: unknown[] = [];
const pool = new BufferPool();
/** Under a limit on what leaves, too: by turns all of it, or some. */
let turns = 0;
const mayLeave = async (bytes: number) => (turns++ % 2 === 0 ? bytes : Math.ceil(bytes / 3));
const app = express().get('/blob', async (request, response) => {
  try {
    await sendBlob({ path, sha256, sizeBytes: bytes.length }, request, { response, pool, mayLeave });
  } catch (error) {
    errors.push(error);
    response.status(416).end();
  }
});
const egress = new Egress(systemClock, 2_000_000);
app.get('/limited/:owner', (request, response) =>
  sendBlob({ path, sha256, sizeBytes: bytes.length }, request, {
    ...{ response, pool },
    mayLeave: (wanted) => egress.take(request.params.owner, wanted),
  }),
);
const server = createServer(app);
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob`;

beforeAll(async () => {
  writeFileSync(path, bytes);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const fetchBytes = async (headers: Record<string, string> = {}) => {
  const response = await fetch(url(), { headers });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
};

it('sends the whole file, to many at once', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => fetchBytes()));
  for (const { status, body } of all) expect([status, body.equals(bytes)]).toEqual([200, true]);
});

it('sends any range, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(bytes.length), async (start, length) => {
      const end = Math.min(bytes.length - 1, start + length);
      const { status, headers, body } = await fetchBytes({ range: `bytes=${start}-${end}` });
      expect([status, headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/${bytes.length}`]);
      expect(body.equals(bytes.subarray(start, end + 1))).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it.each<[Record<string, string>, number]>([
  [{ range: 'bytes=-5' }, 206],
  [{ range: 'bytes=0-1,5-6' }, 200],
  [{ range: 'lines=1-2' }, 200],
  [{ range: 'bytes=9999999-' }, 416],
  [{ 'if-none-match': `"${sha256}"` }, 304],
  [{ 'if-none-match': '"other"' }, 200],
  [{ range: 'bytes=0-1', 'if-range': `"${sha256}"` }, 206],
  [{ range: 'bytes=0-1', 'if-range': '"other"' }, 200],
])('answers %j with %i', async (headers, status) => {
  expect((await fetchBytes(headers)).status).toBe(status);
});

it('lives on when somebody hangs up in the middle', async () => {
  errors.length = 0;
  for (let i = 0; i < 10; i++) {
    const request = get(url());
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    await once(response, 'data');
    request.destroy();
  }
  const { body } = await fetchBytes();
  expect(body.equals(bytes)).toBe(true);
  expect(errors).toEqual([]);
});

it('keeps to a limit over all downloads together, and goes on when somebody hangs up', async () => {
  const at = (owner: string) => new URL(`/limited/${owner}`, url());
  const headers = { range: 'bytes=0-499999' };
  const gone = new AbortController();
  const hungUp = fetch(at('c'), { signal: gone.signal })
    .then((response) => response.arrayBuffer())
    .then(
      () => 'all came',
      () => 'hung up',
    );
  const startedAt = performance.now();
  const downloads = ['a', 'b'].map(async (owner) => {
    const response = await fetch(at(owner), { headers });
    gone.abort();
    return Buffer.from(await response.arrayBuffer());
  });
  for (const body of await Promise.all(downloads)) expect(body.equals(bytes.subarray(0, 500_000))).toBe(true);
  // Faster than the limit is wrong; slower only says that the machine was busy.
  expect(performance.now() - startedAt).toBeGreaterThan(450);
  expect(await hungUp).toBe('hung up');
});
