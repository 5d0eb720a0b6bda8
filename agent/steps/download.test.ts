import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { Clock } from '../../shared/clock.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { Means } from '../means.ts';
import { ResidentEngines } from '../resident-engines.ts';
import { WAY_BACK_MS } from '../rules/way-back.ts';
import type { Disk } from '../store/disk.ts';
import { openStore, storeOver } from '../store/open-store.ts';
import { systemDisk } from '../store/system-disk.ts';
import { systemClock, systemRandomness } from '../system-clock.ts';
import { admit } from './admit.ts';
import { download } from './download.ts';
import { stage } from './stage.ts';

const PIECE = 64 * 1024;
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Backoffs pass a hundred times faster; the bounds on silence stay a good while longer than a test. */
const hurried: Clock = { ...systemClock, after: (delayMs, action) => systemClock.after(delayMs / 100, action) };

const weights = randomBytes(5 * PIECE + 1000);
const index = Buffer.from('{"_class_name":"StillhousePipeline"}');
const golden = randomBytes(300);
const chunks = Array.from({ length: 6 }, (_, n) => sha256(weights.subarray(n * PIECE, (n + 1) * PIECE)));

function manifestOf(change: (manifest: Manifest) => object = (same) => same) {
  const plain: Manifest = {
    schemaVersion: 1,
    model: 'scenes',
    version: '1.0.0',
    licence: 'Apache-2.0',
    pipeline: { _class_name: 'StillhousePipeline' },
    artifacts: [
      { path: 'v/model_index.json', sha256: sha256(index), sizeBytes: index.length },
      {
        ...{ path: 'v/unet/model.onnx', sha256: sha256(weights), sizeBytes: weights.length },
        chunks: { chunkSizeBytes: PIECE, sha256: chunks },
      },
      { path: 'golden/0.png', sha256: sha256(golden), sizeBytes: golden.length },
    ],
    variants: [
      {
        ...{
          name: 'v',
          runtime: 'onnxruntime',
          precision: 'fp16',
          folder: 'v',
          steps: 4,
          guidanceScale: 1,
          parameters: 9,
        },
        artifacts: ['v/model_index.json', 'v/unet/model.onnx'],
        resolution: { width: 32, height: 32 },
        measured: { machine: 'test', peakRssBytes: 1000, loadMs: 1, latencyMs: 1 },
        golden: {
          maxMeanAbsoluteDifference: 1,
          pictures: [{ prompt: 'a', seed: 1, steps: 4, guidanceScale: 1, picture: 'golden/0.png' }],
        },
      },
    ],
  };
  return canonicalJson(change(plain));
}

let folder: string;
let http: Server;
let means: Means;
let wanted: DesiredModel;
let manifest: string;
let requests: { url: string; range: string | undefined }[];
let fault: (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean;
let lines: string[];
const processor = async () => ({ architecture: 'arm64', cpuFeatures: ['asimd'] });
let freeBytes: number;
const files = new Map([index, weights, golden].map((bytes) => [sha256(bytes), bytes]));
const signal = () => new AbortController().signal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-download-'));
  requests = [];
  lines = [];
  fault = () => false;
  freeBytes = 1e9;
  manifest = manifestOf();
  wanted = {
    ...{ installationId: 'ins_00000000000000000000000000', model: 'scenes', version: '1.0.0', variant: 'v' },
    ...{ versionDigest: sha256(manifest), role: 'current', probe: 'probe' },
  };
  http = createServer((request, response) => {
    const [, , noun, id = ''] = (request.url ?? '').split('/');
    const bytes = noun === 'manifests' ? Buffer.from(manifest) : files.get(id);
    const { range } = request.headers;
    requests.push({ url: request.url ?? '', range });
    if (!bytes) return void response.writeHead(404).end();
    if (fault(request, response, bytes)) return;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start }).end(bytes.subarray(start));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const log = (line: string) => void lines.push(line);
  means = {
    ...{
      store: openStore({ folder, clock: systemClock, randomness: systemRandomness, onReport: () => {} }),
      clock: hurried,
      log,
      agentVersion: '0.0.0',
    },
    ...{ downloadBytesPerSecond: Number.POSITIVE_INFINITY, processor },
    randomness: { uniform: () => 0.5, bytes: (count) => randomBytes(count) },
    access: { server, credential: 'sd_x', clock: systemClock },
    engines: new ResidentEngines({
      launcher: { launch: () => Promise.reject(new Error('none')) },
      clock: hurried,
      crashes: { note: () => {}, quarantineOf: () => null },
      onCrash: () => {},
      log,
    }),
    measure: {
      runComparison: () => Promise.reject(new Error('not here')),
      compareShadow: () => Promise.reject(new Error('not here')),
      runBench: () => Promise.reject(new Error('none')),
      checkGolden: () => Promise.reject(new Error('none')),
      ownRssBytes: () => 1000,
      readHost: async () => ({ memoryAvailableBytes: 1000, load1: 0, temperatureCelsius: null, throttledFlags: null }),
      readProcess: () => Promise.reject(new Error('none')),
      installedRuntimes: async () => [{ runtime: 'onnxruntime', version: '1.30.0' }],
      diskFree: async () => ({ freeBytes, totalBytes: 2e9 }),
    },
    progress: () => {},
  };
});
afterEach(() => {
  means.store.close();
  http.closeAllConnections();
  http.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Ends the line after `count` more bytes. */
const cutAfter = (response: ServerResponse, bytes: Buffer, start: number, count: number) => {
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start });
  response.write(bytes.subarray(start, start + count), () => response.destroy());
  return true;
};
const isWeights = (request: IncomingMessage) => request.url?.includes(sha256(weights)) ?? false;
const startOf = (request: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
const again = (count: number) => () => count-- > 0;

const admitted = async () => expect(await admit(means, wanted, signal())).toEqual({ kind: 'moved', to: 'DOWNLOADING' });

describe('admit', () => {
  it('takes the manifest and what fits', async () => {
    await admitted();
    expect(await means.store.blobs.readText(wanted.versionDigest)).toBe(manifest);
  });

  it.each([
    ['a manifest of another digest', () => manifestOf((plain) => ({ ...plain, licence: 'MIT' })), /digest is/],
    ['what is no JSON', () => 'hello', /not JSON/],
  ])('refuses %s', async (_name, make, words) => {
    const { versionDigest } = wanted;
    manifest = make();
    wanted = { ...wanted, versionDigest };
    const outcome = await admit(means, wanted, signal());
    expect(outcome).toMatchObject({ kind: 'ended', to: 'REJECTED', reason: { code: 'manifest_invalid' } });
    expect(JSON.stringify(outcome)).toMatch(words);
  });

  it.each([
    [
      'a path that leaves its folder',
      (plain: Manifest) => ({
        ...plain,
        artifacts: plain.artifacts.map((one) => ({ ...one, path: `../${one.path}` })),
      }),
      /schema/,
    ],
    [
      'a variant that names a missing file',
      (plain: Manifest) => ({ ...plain, artifacts: plain.artifacts.slice(0, 2) }),
      /golden\/0.png/,
    ],
    [
      'another version',
      (plain: Manifest) => ({ ...plain, version: '2.0.0' }),
      /scenes@2.0.0, asked for was scenes@1.0.0/,
    ],
    [
      'a missing variant',
      (plain: Manifest) => ({ ...plain, variants: plain.variants.map((one) => ({ ...one, name: 'w' })) }),
      /no variant .*v.* \(it has: w\)/,
    ],
  ])('refuses a manifest with %s', async (_name, change, words) => {
    manifest = manifestOf(change);
    wanted = { ...wanted, versionDigest: sha256(manifest) };
    const outcome = await admit(means, wanted, signal());
    expect(outcome).toMatchObject({ kind: 'ended', to: 'REJECTED', reason: { code: 'manifest_invalid' } });
    expect(JSON.stringify(outcome)).toMatch(words);
  });

  it('says how many bytes the disk lacks, before it fetches any', async () => {
    freeBytes = 16 * 1024 * 1024;
    const total = weights.length + index.length + golden.length;
    expect(await admit(means, wanted, signal())).toMatchObject({
      ...{
        to: 'REJECTED',
        reason: { code: 'disk_full', message: expect.stringContaining(`${total} bytes are missing`) },
      },
    });
    expect(requests).toHaveLength(1);
  });

  it('lets go what engines compiled, when that makes the room', async () => {
    freeBytes = 16 * 1024 * 1024;
    const compiled = join(folder, 'compiled', 'some-slot');
    mkdirSync(compiled);
    const { diskFree } = means.measure;
    const measured = async () => ({ ...(await diskFree()), freeBytes: existsSync(compiled) ? freeBytes : 1e9 });
    means = { ...means, measure: { ...means.measure, diskFree: measured } };
    await admitted();
    expect(lines.join()).toContain('compiled forms are removed');
  });

  it('lets a former version go whose grace time is over, when that makes the room', async () => {
    await admitted();
    await download(means, wanted, signal());
    const place = { installationId: 'ins_00000000000000000000000001', model: 'scenes', role: 'current' } as const;
    const former = { ...place, version: '1.0.0', versionDigest: wanted.versionDigest, variant: 'v' };
    means.store.places.switchTo(former);
    means.store.places.switchTo({
      ...former,
      installationId: 'ins_2',
      version: '1.0.1',
      versionDigest: 'f'.repeat(64),
    });
    const next = Buffer.concat([weights, Buffer.from('!')]);
    files.set(sha256(next), next);
    manifest = manifestOf((plain) => ({
      ...{ ...plain, version: '2.0.0' },
      artifacts: plain.artifacts.map((one) =>
        one.path.endsWith('.onnx') ? { path: one.path, sha256: sha256(next), sizeBytes: next.length } : one,
      ),
    }));
    wanted = { ...wanted, version: '2.0.0', versionDigest: sha256(manifest) };
    freeBytes = 16 * 1024 * 1024 + 1000;
    expect(await admit(means, wanted, signal())).toMatchObject({ to: 'REJECTED', reason: { code: 'disk_full' } });
    vi.spyOn(means.store.lifetime, 'now').mockReturnValue(means.store.lifetime.now() + WAY_BACK_MS + 1);
    expect(await admit(means, wanted, signal())).toEqual({
      ...{ kind: 'space-needed', formerIds: [former.installationId] },
    });
    freeBytes = 16 * 1024 * 1024 - 10_000;
    expect(await admit(means, wanted, signal())).toMatchObject({ to: 'REJECTED', reason: { code: 'disk_full' } });
  });

  it('gives up on a server that keeps refusing', async () => {
    fault = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    expect(await admit(means, wanted, signal())).toMatchObject({ to: 'FAILED', reason: { code: 'download_failed' } });
    expect(requests.length).toBeLessThan(10);
  });
});

describe('download', () => {
  const whole = () => readFileSync(means.store.blobs.path(sha256(weights)));

  it('fetches each file once, and nothing when all is here', async () => {
    await admitted();
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(requests).toHaveLength(4);
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(requests).toHaveLength(4);
    expect(await stage(means, wanted)).toEqual({ kind: 'moved', to: 'STAGED' });
    expect(readFileSync(join(folder, 'slots', `${wanted.versionDigest}-v`, 'v/unet/model.onnx')).equals(weights)).toBe(
      true,
    );
  });

  it('goes on where the line broke', async () => {
    await admitted();
    const breaks = again(3);
    fault = (request, response, bytes) =>
      isWeights(request) && breaks() && cutAfter(response, bytes, startOf(request), PIECE + 100);
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    const ranges = requests.filter(({ url }) => url.includes(sha256(weights))).map(({ range }) => range);
    const starts = ranges.map((range) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(starts).toHaveLength(4);
    expect(starts.toSorted((one, other) => one - other)).toEqual(starts);
    expect(starts[1]).toBeGreaterThan(0);
    expect(whole().equals(weights)).toBe(true);
  });

  it('balena-supervisor 1020: a download that hangs is broken off, and goes on where it fell silent', async () => {
    await admitted();
    means = { ...means, access: { ...means.access, clock: hurried } };
    const hangs = again(1);
    fault = (request, response, bytes) => {
      if (!isWeights(request) || !hangs()) return false;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 2 * PIECE + 100));
      return true;
    };
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(requests.filter(({ url }) => url.includes(sha256(weights))).at(-1)?.range).toMatch(/^bytes=[1-9]/);
    expect(whole().equals(weights)).toBe(true);
  });

  it('goes on where a killed agent stopped', async () => {
    await admitted();
    const stop = new AbortController();
    fault = (request, response, bytes) => {
      if (!isWeights(request) || stop.signal.aborted) return false;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 2 * PIECE), () => setTimeout(() => stop.abort(), 50));
      return true;
    };
    expect(await download(means, wanted, stop.signal)).toEqual({ kind: 'stopped' });
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(requests.at(-2)?.range).toBe(`bytes=${2 * PIECE}-`);
    expect(whole().equals(weights)).toBe(true);
  });

  it('bears a server without ranges', async () => {
    await admitted();
    const breaks = again(1);
    fault = (request, response, bytes) => {
      if (!isWeights(request)) return false;
      if (breaks()) return cutAfter(response, bytes, 0, 2 * PIECE);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return true;
    };
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(whole().equals(weights)).toBe(true);
  });

  it('fetches a wrong piece again, and that piece only', async () => {
    await admitted();
    const lies = again(1);
    fault = (request, response, bytes) => {
      if (!isWeights(request) || !lies()) return false;
      const wrong = Buffer.from(bytes);
      wrong.fill(0, 3 * PIECE, 3 * PIECE + 10);
      response.writeHead(200, { 'content-length': bytes.length }).end(wrong);
      return true;
    };
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(requests.filter(({ url }) => url.includes(sha256(weights))).at(-1)?.range).toBe(`bytes=${3 * PIECE}-`);
    expect(whole().equals(weights)).toBe(true);
  });

  it('ends with digest_mismatch when the bytes stay wrong', async () => {
    await admitted();
    fault = (request, response, bytes) => {
      if (request.url?.includes('manifests')) return false;
      response.writeHead(200, { 'content-length': bytes.length }).end(Buffer.alloc(bytes.length));
      return true;
    };
    expect(await download(means, wanted, signal())).toMatchObject({
      to: 'FAILED',
      reason: { code: 'digest_mismatch' },
    });
    expect(() => readFileSync(means.store.blobs.path(sha256(index)))).toThrow();
  });

  it('ends with download_failed when the server does not have it', async () => {
    await admitted();
    fault = (_request, response) => {
      response.writeHead(404, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({ type: 'x', title: 'x', status: 404, code: 'not_found', detail: 'no such artifact' }),
      );
      return true;
    };
    expect(await download(means, wanted, signal())).toMatchObject({
      ...{ to: 'FAILED', reason: { code: 'download_failed', message: expect.stringContaining('no such artifact') } },
    });
  });

  it('waits for a server that is away, says so once, and goes on', async () => {
    await admitted();
    const { port } = http.address() as AddressInfo;
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    const done = download(means, wanted, signal());
    await new Promise((resolve) => setTimeout(resolve, 300));
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
    expect(await done).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(lines.filter((line) => line.includes('trying again')).length).toBeLessThanOrEqual(2);
  });

  it('replaces a blob that was damaged on the disk', async () => {
    await admitted();
    await download(means, wanted, signal());
    await means.store.blobs.put(sha256(weights), randomBytes(weights.length));
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    expect(whole().equals(weights)).toBe(true);
  });

  it('fetches at most one piece twice for each cut of the line', async () => {
    await admitted();
    const cuts = fc.array(fc.integer({ min: 1, max: 2 * PIECE }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        rmSync(means.store.blobs.path(sha256(weights)), { force: true });
        const left = [...lengths];
        let sentBytes = 0;
        fault = (request, response, bytes) => {
          if (!isWeights(request)) return false;
          const start = startOf(request);
          const length = left.shift() ?? bytes.length;
          sentBytes += Math.min(length, bytes.length - start);
          return length < bytes.length - start && cutAfter(response, bytes, start, length);
        };
        expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
        expect(whole().equals(weights)).toBe(true);
        expect(sentBytes).toBeLessThanOrEqual(weights.length + lengths.length * PIECE);
      }),
      { numRuns: 15 },
    );
  });

  it('takes no more in a second than it may, the device by its own setting, the rollout by its', async () => {
    await admitted();
    const waits: number[] = [];
    means = {
      ...means,
      clock: {
        ...hurried,
        after(delayMs, action) {
          waits.push(delayMs);
          return systemClock.after(0, action);
        },
      },
      downloadBytesPerSecond: 1_000_000,
    };
    wanted = { ...wanted, downloadBytesPerSecond: 50_000 };
    expect(await download(means, wanted, signal())).toEqual({ kind: 'moved', to: 'VERIFIED' });
    const total = weights.length + index.length + golden.length;
    // Waiting takes no time here, so what was waited adds up to at least what the slower of the two asks for.
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan((total / 50_000) * 1000 * 0.99);
  });

  describe('balena-supervisor 29 and 674: on a disk that is full, retries without end:', () => {
    const full = () => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }));
    const over = (disk: Partial<Disk>) => {
      means.store.close();
      const database = new Database(join(folder, 'agent.db'));
      const store = storeOver({
        ...{ database, folder, clock: systemClock, randomness: systemRandomness, onReport: () => {} },
        disk: { ...systemDisk, ...disk },
      });
      means = { ...means, store };
    };

    it.each([
      ['when the space is taken', () => over({ reserve: full }), 1],
      [
        'in the midst of a file',
        () => {
          let room = 2 * PIECE;
          over({
            reserve: async () => {},
            open: async (path, mode) => {
              const file = await systemDisk.open(path, mode);
              const append = (bytes: Uint8Array) => {
                room -= bytes.length;
                return room < 0 ? full() : file.append(bytes);
              };
              return { ...file, append };
            },
          });
        },
        3,
      ],
    ])('%s it fails once, with the bytes that are missing, and gives back what it took', async (_when, make, most) => {
      const large = Buffer.concat([weights, randomBytes(2 * 1024 * 1024)]);
      files.set(sha256(large), large);
      manifest = manifestOf((plain) => ({
        ...plain,
        artifacts: plain.artifacts.map((one) =>
          one.path.endsWith('.onnx') ? { path: one.path, sha256: sha256(large), sizeBytes: large.length } : one,
        ),
      }));
      wanted = { ...wanted, versionDigest: sha256(manifest) };
      await admitted();
      make();
      freeBytes = 16 * 1024 * 1024 + 1000;
      const outcome = await download(means, wanted, signal());
      expect(outcome).toMatchObject({ kind: 'ended', to: 'FAILED', reason: { code: 'disk_full' } });
      const missing = Number(/(\d+) bytes are missing/.exec(JSON.stringify(outcome))?.[1]);
      expect(missing).toBeGreaterThan(large.length - 1001);
      expect(missing).toBeLessThan(large.length + 1000);
      expect(requests.length).toBeLessThanOrEqual(most);
      expect(readdirSync(join(folder, 'blobs')).filter((name) => name.endsWith('.part'))).toEqual([]);
    });
  });

  it('stops at once when it is told to', async () => {
    await admitted();
    const stop = new AbortController();
    fault = (request, response, bytes) => {
      if (!isWeights(request)) return false;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100), () => setTimeout(() => stop.abort(), 20));
      return true;
    };
    const startedAt = performance.now();
    expect(await download(means, wanted, stop.signal)).toEqual({ kind: 'stopped' });
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
