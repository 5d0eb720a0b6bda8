import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from 'vitest';
import { loadChatTemplate } from './chat-template.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-chat-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

it('asks as the user, and takes no part of a prompt for a template', async () => {
  write('tokenizer_config.json', '{"chat_template": "not this one"}');
  write(
    'chat_template.jinja',
    "{%- for one in messages[::-1] %}\n  {{- '<' + one.role + '>' + one.content }}\n{%- endfor %}\n" +
      "{%- if add_generation_prompt %}{{ '<answer>' }}{% endif %}{% if not enable_thinking %}no{% endif %}",
  );
  const render = await loadChatTemplate(folder);
  expect(render(' a {{ fox }}\n{% if %}')).toBe('<user> a {{ fox }}\n{% if %}<answer>');
});

it('reads the one in the settings where there is no file', async () => {
  write('tokenizer_config.json', JSON.stringify({ chat_template: '[{{ messages[0].content }}]' }));
  expect((await loadChatTemplate(folder))('a fox')).toBe('[a fox]');
});

test.each([
  [undefined, 'has no chat_template'],
  ['{% for %}', 'no chat template that can be read'],
  ['{{ nothing.at.all() }}', 'cannot be rendered'],
  ['always the same', 'leaves the prompt out'],
  ['x'.repeat(100_001), '100001 characters is not read'],
])('refuses %j and names the file', async (template, why) => {
  write('tokenizer_config.json', JSON.stringify({ chat_template: template }));
  await expect(loadChatTemplate(folder)).rejects.toThrow(why);
  await expect(loadChatTemplate(folder)).rejects.toMatchObject({ code: 'load_failed' });
  await expect(loadChatTemplate(folder)).rejects.toThrow('tokenizer_config.json');
});
