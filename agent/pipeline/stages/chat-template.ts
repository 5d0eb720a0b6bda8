// A prompt as a model of talks wants to be told it: the tokenizer's own template (Jinja), as transformers renders it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { messageOf } from '../../../shared/errors.ts';
import { EngineFault } from '../fault.ts';
import { readJson, readText } from '../read-json.ts';

/** Qwen3's has 4 kB. */
const MOST_CHARACTERS = 100_000;

/**
 * @param folder the tokenizer's, with chat_template.jinja, or the template in tokenizer_config.json
 * @returns renders one message of the user's, with the beginning of an answer behind it
 * @throws EngineFault `load_failed` that names the file
 */
export async function loadChatTemplate(folder: string): Promise<(prompt: string) => string> {
  const own = join(folder, 'chat_template.jinja');
  const config = join(folder, 'tokenizer_config.json');
  const file = existsSync(own) ? own : config;
  const text = file === own ? await readText(own) : (await readJson(config)).chat_template;
  const refuse = (why: string, cause?: unknown): never => {
    throw new EngineFault('load_failed', `${file}: ${why}`, { cause });
  };
  if (typeof text !== 'string' || text === '') return refuse('has no chat_template, which tells how a prompt is asked');
  if (text.length > MOST_CHARACTERS) return refuse(`a chat template of ${text.length} characters is not read`);
  const render = (content: string): string => {
    try {
      const messages = [{ role: 'user', content }];
      return template.render({ messages, add_generation_prompt: true, enable_thinking: true });
    } catch (cause) {
      return refuse(`the chat template cannot be rendered: ${messageOf(cause)}`, cause);
    }
  };
  const template = parse(text, refuse);
  if (!render('a red fox').includes('a red fox')) return refuse('the chat template leaves the prompt out');
  return render;
}

function parse(text: string, refuse: (why: string, cause: unknown) => never): Template {
  try {
    return new Template(text);
  } catch (cause) {
    return refuse(`no chat template that can be read: ${messageOf(cause)}`, cause);
  }
}
