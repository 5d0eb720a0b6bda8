import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StillError } from '../../shared/errors.ts';
import { Client } from './client.ts';
import { publishFolder } from './publish-folder.ts';

const FILES: Record<string, string> = {
  LICENSE: 'Apache-2.0',
  'onnxruntime-fp16/model_index.json': '{}',
  'onnxruntime-fp16/unet/model.onnx': 'weights '.repeat(50_000),
  'golden/0.png': 'png',
};
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let folder = '';
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-publish-'));
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  writeManifest({});
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  server?.closeAllConnections();
  server?.close();
});

function writeManifest(change: object): void {
  const variant = {
    ...{ name: 'onnxruntime-fp16', runtime: 'onnxruntime', precision: 'fp16', folder: 'onnxruntime-fp16' },
    artifacts: ['onnxruntime-fp16/model_index.json', 'onnxruntime-fp16/unet/model.onnx'],
    ...{ resolution: { width: 64, height: 64 }, steps: 8, guidanceScale: 1, parameters: 1000 },
    measured: { machine: 'a machine', peakRssBytes: 1, loadMs: 1, latencyMs: 1 },
    golden: {
      maxMeanAbsoluteDifference: 2,
      pictures: [{ prompt: 'a fox', seed: 1, steps: 8, guidanceScale: 1, picture: 'golden/0.png' }],
    },
  };
  const artifacts = Object.entries(FILES).map(([path, text]) => ({
    path,
    sha256: sha256(text),
    sizeBytes: text.length,
  }));
  const manifest = {
    ...{ schemaVersion: 1, model: 'stickers-lite', version: '1.0.0', licence: 'Apache-2.0' },
    ...{ pipeline: { _class_name: 'StillhousePipeline' }, artifacts, variants: [variant] },
    ...change,
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Keeps artifacts by their digest, as the server's three routes promise. */
async function artifactServer() {
  const stored = new Map<string, Buffer>();
  const calls: string[] = [];
  const listening = createServer(async (request, response) => {
    const body = await buffer(request);
    const path = request.url ?? '';
    calls.push(`${request.method} ${path.slice(0, 20)}`);
    if (path === '/v1/artifacts/missing') {
      const asked = (JSON.parse(body.toString()) as { sha256: string[] }).sha256;
      return response.end(JSON.stringify({ sha256: asked.filter((digest) => !stored.has(digest)) }));
    }
    if (path.startsWith('/v1/artifacts/')) stored.set(path.slice('/v1/artifacts/'.length), body);
    const { model, version, licence } = path === '/v1/versions' ? JSON.parse(body.toString()) : {};
    const view = {
      model,
      version,
      licence,
      versionDigest: 'a'.repeat(64),
      publishedAtMs: 1,
      sizeBytes: 1,
      variants: [],
    };
    response.writeHead(201).end(JSON.stringify(view));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`);
  return { client: new Client({ url, key: 'k' }), stored, calls };
}

const quiet = () => undefined;

async function problemsOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StillError)) throw new Error(`expected a StillError, got ${String(error)}`);
  return [error.message, ...error.problems.map(({ field, message }) => `${field}: ${message}`)].join('\n');
}

test('sends what is missing, byte for byte, and nothing the second time', async () => {
  const { client, stored } = await artifactServer();
  const stages = new Set<string>();
  const first = await publishFolder(client, folder, (stage, done, total) => {
    expect(done).toBeLessThanOrEqual(total);
    stages.add(stage);
  });
  const total = Object.values(FILES).reduce((sum, text) => sum + text.length, 0);
  expect(first).toMatchObject({ model: 'stickers-lite', version: '1.0.0', uploadedBytes: total, skippedBytes: 0 });
  expect([...stages]).toEqual(['checking', 'uploading']);
  for (const text of Object.values(FILES)) expect(stored.get(sha256(text))?.toString()).toBe(text);
  const second = await publishFolder(client, folder, quiet);
  expect(second).toMatchObject({ uploadedBytes: 0, skippedBytes: total });
});

describe('nothing is sent', () => {
  test('where a file has other bytes: the file and both digests are named', async () => {
    const { client, calls } = await artifactServer();
    const damaged = 'WEIGHTS '.repeat(50_000);
    writeFileSync(join(folder, 'onnxruntime-fp16/unet/model.onnx'), damaged);
    const problems = await problemsOf(publishFolder(client, folder, quiet));
    expect(problems).toContain('onnxruntime-fp16/unet/model.onnx: the manifest says sha256');
    expect(problems).toContain(sha256(damaged));
    expect(problems).toContain(sha256(FILES['onnxruntime-fp16/unet/model.onnx'] ?? ''));
    expect(calls).toEqual([]);
  });

  test('where files are missing or longer: all of them are named', async () => {
    const { client, calls } = await artifactServer();
    rmSync(join(folder, 'LICENSE'));
    writeFileSync(join(folder, 'golden/0.png'), 'longer');
    const problems = await problemsOf(publishFolder(client, folder, quiet));
    expect(problems).toContain('LICENSE: the file is missing');
    expect(problems).toContain('golden/0.png: the manifest says 3 bytes, the file has 6');
    expect(calls).toEqual([]);
  });

  test('where the manifest is missing, no JSON, not a manifest, or not consistent', async () => {
    const { client } = await artifactServer();
    expect(await problemsOf(publishFolder(client, join(folder, 'none'), quiet))).toContain('there is no');
    writeManifest({ artifacts: [{ path: '../secret', sha256: 'a'.repeat(64), sizeBytes: 1 }] });
    expect(await problemsOf(publishFolder(client, folder, quiet))).toContain(
      'artifacts.0.path: expected a plain relative path',
    );
    writeManifest({ artifacts: [{ path: 'LICENSE', sha256: sha256('Apache-2.0'), sizeBytes: 10 }] });
    expect(await problemsOf(publishFolder(client, folder, quiet))).toContain(
      '"golden/0.png" is not among the artifacts',
    );
    writeFileSync(join(folder, 'manifest.json'), '{');
    expect(await problemsOf(publishFolder(client, folder, quiet))).toContain('is not JSON');
  });
});
