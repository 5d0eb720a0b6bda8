// A prompt becomes the ids that a text encoder was trained on: tokenizer.json and tokenizer_config.json as Hugging Face
// writes them. The library neither pads nor truncates, and truncating would draw another picture than was asked for.
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { limits } from '../../shared/limits.ts';
import { EngineFault } from './fault.ts';
import { readJson } from './read-json.ts';
import { contentOf } from './stages/added-tokens.ts';
import { withinMs } from './within-ms.ts';

export interface TokenizedPrompt {
  /** Exactly `length` ids, padded on the right. */
  readonly ids: BigInt64Array;
  /** Words that the vocabulary does not hold, each once, in the prompt's order. */
  readonly unknownWords: readonly string[];
}

export interface PromptTokenizer {
  readonly length: number;
  /** @throws EngineFault `prompt_too_long`, naming the count and the bound */
  tokenize(prompt: string): TokenizedPrompt;
}

/**
 * The toolkit's (models/stillhouse_models/tokenizer.py), which never goes back. What others bring is watched, which takes 0.3 ms a
 * prompt: a thirtieth of a small picture.
 */
const OWN_PATTERN = '[^\\p{L}\\p{N}]+';

/** Whether no other pattern, nor a token that a text is searched for, stands in it. */
function hasOwnPattern({ added_tokens: added, model: _, ...rest }: Readonly<Record<string, unknown>>): boolean {
  const patterns: unknown[] = [];
  JSON.stringify(rest, (key, value) => {
    if (key === 'Regex' || key === 'String') patterns.push(value);
    return value;
  });
  return Array.isArray(added) && added.length === 0 && patterns.every((pattern) => pattern === OWN_PATTERN);
}

/** @param folder the pipeline folder's `tokenizer/` */
export async function loadTokenizer(folder: string): Promise<PromptTokenizer> {
  const file = join(folder, 'tokenizer.json');
  const [json, config] = await Promise.all([readJson(file), readJson(join(folder, 'tokenizer_config.json'))]);
  const tokenizer = openTokenizer(json, config, file);
  const length = config.model_max_length;
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 1 || length > limits.promptCharacters)
    throw new EngineFault('load_failed', `${folder}/tokenizer_config.json: model_max_length is no usable length`);
  const padId = tokenizer.token_to_id(contentOf(config.pad_token)) ?? 0;
  const unknownId = tokenizer.token_to_id(contentOf(config.unk_token));
  const isOwn = hasOwnPattern(json);
  return {
    length,
    tokenize(prompt) {
      if (prompt.length > limits.promptCharacters) throw tooLong(prompt.length, 'characters', limits.promptCharacters);
      // The package's own types do not resolve under NodeNext.
      const { ids, tokens }: { ids: number[]; tokens: string[] } = isOwn
        ? tokenizer.encode(prompt)
        : withinMs(limits.tokenizeMs, () => tokenizer.encode(prompt));
      if (ids.length > length) throw tooLong(ids.length, 'tokens', length);
      const padded = new BigInt64Array(length).fill(BigInt(padId));
      ids.forEach((id, i) => {
        padded[i] = BigInt(id);
      });
      const unknown = tokens.filter((token, i) => ids[i] === unknownId && tokenizer.token_to_id(token) === undefined);
      return { ids: padded, unknownWords: [...new Set(unknown)] };
    },
  };
}

function openTokenizer(json: Record<string, unknown>, config: Record<string, unknown>, file: string): Tokenizer {
  try {
    return new Tokenizer(json, config);
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: no tokenizer that can be read`, { cause });
  }
}

const tooLong = (count: number, unit: string, bound: number): EngineFault =>
  new EngineFault('prompt_too_long', `prompt: ${count} ${unit}, this model reads at most ${bound}; shorten it`);
