// Folders of transformers 4, as optimum exports them: CLIP's tokenizer is vocab.json and merges.txt, without a tokenizer.json.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { loadTextTokenizer } from '../../agent/pipeline/stages/text-tokenizer.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-tokenizers-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The fixture's tokenizer as transformers 4 would have saved it. */
function older(kind: string, name: string): string {
  const from = join(fixtures, kind, name);
  const to = join(folder, `${kind}-${name}`);
  cpSync(from, to, { recursive: true });
  const { model, added_tokens: added } = JSON.parse(readFileSync(join(to, 'tokenizer.json'), 'utf8'));
  const special = added.map(({ content, id }: { content: string; id: number }) => [content, id]);
  const vocab = { ...model.vocab, ...Object.fromEntries(special) };
  writeFileSync(join(to, 'vocab.json'), JSON.stringify(vocab));
  const lines = model.merges.map((pair: string | string[]) => (typeof pair === 'string' ? pair : pair.join(' ')));
  writeFileSync(join(to, 'merges.txt'), ['#version: 0.2', ...lines, ''].join('\n'));
  rmSync(join(to, 'tokenizer.json'));
  return to;
}

describe.each([
  ['sd', 'tokenizer'],
  ['sdxl', 'tokenizer_2'],
])('%s/%s as vocab.json and merges.txt', (kind, name) => {
  test.each([
    'a red fox on teal background',
    '',
    '  A  Red\tFOX,\n(sharp:1.3)!! ',
    "it's the dog's 3 apples, don't they'll",
    'Füchslein ΣΊΣΥΦΟΣ 红色的狐狸 🦊 ½ ﬁ e\u0301',
    'a fox <|endoftext|> and more',
    Array(90).fill('golden fox').join(' '),
  ])('reads %j as tokenizer.json does', async (text) => {
    const [newer, found] = [
      await loadTextTokenizer(join(fixtures, kind, name)),
      await loadTextTokenizer(older(kind, name)),
    ];
    expect(found.encode(text, 77)).toEqual(newer.encode(text, 77));
  });
});
