import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDamagedVersion } from './damaged-version.ts';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const VOCABULARY = { '<pad>': 0, '<unk>': 1, fox: 2, red: 3, teal: 4 };
const FILES: Record<string, string> = {
  'v/model_index.json': '{}',
  'v/tokenizer/tokenizer.json': JSON.stringify({ model: { type: 'WordLevel', vocab: VOCABULARY } }),
  'golden/0.png': 'png',
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-damaged-'));
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, '1.1.0', path, '..'), { recursive: true });
    writeFileSync(join(folder, '1.1.0', path), content);
  }
  const variant = {
    ...{ name: 'v', runtime: 'onnxruntime', precision: 'fp16', folder: 'v', steps: 8, guidanceScale: 1, parameters: 1 },
    artifacts: ['v/model_index.json', 'v/tokenizer/tokenizer.json'],
    resolution: { width: 64, height: 64 },
    measured: { machine: 'a machine', peakRssBytes: 1, loadMs: 1, latencyMs: 1 },
    golden: {
      maxMeanAbsoluteDifference: 2,
      pictures: [{ prompt: 'fox', seed: 1, steps: 8, guidanceScale: 1, picture: 'golden/0.png' }],
    },
  };
  const manifest = {
    ...{
      schemaVersion: 1,
      model: 'm',
      version: '1.1.0',
      licence: 'MIT',
      pipeline: { _class_name: 'P' },
      variants: [variant],
    },
    artifacts: Object.entries(FILES).map(([path, text]) => ({ path, sha256: sha256(text), sizeBytes: text.length })),
  };
  writeFileSync(join(folder, '1.1.0', 'manifest.json'), JSON.stringify(manifest));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('words change places, digests fit, the original stays', async () => {
  const target = join(folder, 'damaged', '1.2.0');
  const manifest = await makeDamagedVersion(join(folder, '1.1.0'), target, '1.2.0');
  const tokenizer = readFileSync(join(target, 'v/tokenizer/tokenizer.json'));
  expect(JSON.parse(tokenizer.toString()).model.vocab).toEqual({ '<pad>': 0, '<unk>': 1, fox: 4, red: 3, teal: 2 });
  const artifact = manifest.artifacts.find(({ path }) => path === 'v/tokenizer/tokenizer.json');
  expect(artifact).toMatchObject({ sha256: sha256(tokenizer), sizeBytes: tokenizer.length });
  expect(manifest.version).toBe('1.2.0');
  expect(JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'))).toEqual(manifest);
  expect(readFileSync(join(folder, '1.1.0/v/tokenizer/tokenizer.json'), 'utf8')).toBe(
    FILES['v/tokenizer/tokenizer.json'],
  );
});

test('made twice, it is the same version', async () => {
  const make = () => makeDamagedVersion(join(folder, '1.1.0'), join(folder, 'damaged'), '1.2.0');
  expect(await make()).toEqual(await make());
});
