import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { choosePrompt } from './choose-prompt.ts';
import { findVersions, nextMinor } from './versions.ts';

const SHAPES = fileURLToPath(new URL('../../../test/fixtures/shapes-tiny', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-versions-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the newest two, by number and not by letter', async () => {
  for (const version of ['1.9.0', '1.10.0', '1.2.0'])
    cpSync(join(SHAPES, '1.0.0'), join(folder, version), { recursive: true });
  mkdirSync(join(folder, 'notes'));
  const { first, second } = await findVersions(folder);
  expect([first.folder, second.folder]).toEqual([join(folder, '1.9.0'), join(folder, '1.10.0')]);
});

test('fewer than two, or no folder at all', async () => {
  mkdirSync(join(folder, '1.0.0'));
  await expect(findVersions(folder)).rejects.toThrow('does not hold two versions');
  await expect(findVersions(join(folder, 'none'))).rejects.toThrow('cannot be read');
});

test('the number of the damaged one', () => {
  expect(nextMinor('1.9.3')).toBe('1.10.0');
});

test('the prompt is one of the publisher, with a fox where there is one', async () => {
  const { second } = await findVersions(SHAPES);
  const plain = await choosePrompt(second);
  const { prompts } = JSON.parse(readFileSync(join(second.folder, 'evaluation/evaluation.json'), 'utf8'));
  const shortest = Math.min(...prompts.map(({ prompt }: { prompt: string }) => prompt.length));
  expect(plain.prompt.length).toBeLessThanOrEqual(shortest);
  cpSync(second.folder, folder, { recursive: true });
  const fox = { ...prompts[0], prompt: 'a very large fox in the centre on white background', seed: 7 };
  writeFileSync(join(folder, 'evaluation/evaluation.json'), JSON.stringify({ prompts: [...prompts, fox] }));
  expect(await choosePrompt({ ...second, folder })).toEqual({ prompt: fox.prompt, seed: 7 });
});
