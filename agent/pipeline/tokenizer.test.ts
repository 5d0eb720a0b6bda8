import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { loadTokenizer } from './tokenizer.ts';

const fixture = fileURLToPath(
  new URL('../../test/fixtures/shapes-tiny/1.0.0/onnxruntime-fp16/tokenizer', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('breaks off a pattern that goes back and forth for years', async () => {
  cpSync(fixture, folder, { recursive: true });
  const file = join(folder, 'tokenizer.json');
  const json = JSON.parse(readFileSync(file, 'utf8'));
  json.pre_tokenizer.pattern.Regex = '(a+)+$';
  writeFileSync(file, JSON.stringify(json));
  const tokenizer = await loadTokenizer(folder);
  expect(() => tokenizer.tokenize(`${'a'.repeat(60)}!`)).toThrow(`was not done within ${limits.tokenizeMs} ms`);
}, 30_000);
