// A prompt becomes the ids of a text encoder as transformers' tokenizers make them: cut to the encoder's length with its
// closing token kept, and padded on the right.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { EngineFault } from '../fault.ts';
import { readJson, readText } from '../read-json.ts';
import { withinMs } from '../within-ms.ts';
import { contentOf, withAddedTokens } from './added-tokens.ts';
import { clipTokenizerJson } from './clip-tokenizer-json.ts';
import { precompiledCharsmap } from './precompiled-charsmap.ts';
import { requireMerges } from './require-merges.ts';

export interface TextTokenizer {
  /** @param length how many ids, closing token and padding included */
  encode(text: string, length: number): TokenIds;
  /** What the tokenizer's own settings say; null where they leave it open. */
  readonly longest: number | null;
}

export interface TokenIds {
  readonly ids: BigInt64Array;
  /** How many of them are no padding. */
  readonly used: number;
  /** Null where all of the text fits. */
  readonly cut: TextCut | null;
}

/** The end of a text that did not fit. */
export interface TextCut {
  /** Of the whole text, closing token included. */
  readonly tokens: number;
  /** What was left out, as the vocabulary spells it: in lower case, say. */
  readonly unread: string;
}

/** Else the package closes up what an English text would. */
const SPELLED = { clean_up_tokenization_spaces: false } as const;

/** @param folder holds tokenizer.json, or CLIP's vocab.json and merges.txt @throws EngineFault `load_failed` */
export async function loadTextTokenizer(folder: string): Promise<TextTokenizer> {
  const config = await readJson(join(folder, 'tokenizer_config.json'));
  requireRight(config, folder);
  const special = await readIfThere(join(folder, 'special_tokens_map.json'));
  const added = await readIfThere(join(folder, 'added_tokens.json'));
  const json = withAddedTokens(await tokenizerJson(folder, config), { config, special, added });
  requireMerges(json.model, folder);
  const tokenizer = open(json, config, folder);
  const padId = padIdOf(tokenizer, config.pad_token ?? special.pad_token, folder);
  const lowers = JSON.stringify(json.normalizer ?? null).includes('"Lowercase"');
  const closing = encodeIds(tokenizer, '', folder).slice(-1);
  const { model_max_length: longest } = config;
  return {
    longest: typeof longest === 'number' && longest > 0 && longest <= limits.promptTokens ? longest : null,
    encode(text, length) {
      // The reference lowers letter by letter; JavaScript knows that a Greek word ends in another sigma.
      const all = encodeIds(tokenizer, lowers ? text.replaceAll('Σ', 'σ') : text, folder);
      const kept = length - closing.length;
      const found = all.length > length ? [...all.slice(0, kept), ...closing] : all;
      const ids = new BigInt64Array(length).fill(BigInt(padId));
      found.forEach((id, i) => {
        ids[i] = BigInt(id);
      });
      const unread = all.slice(kept, all.length - closing.length);
      const cut = all.length > length ? { tokens: all.length, unread: tokenizer.decode(unread, SPELLED) } : null;
      return { ids, used: found.length, cut };
    },
  };
}

/** The package's own types do not resolve under NodeNext. */
function encodeIds(tokenizer: Tokenizer, text: string, folder: string): number[] {
  try {
    return (withinMs(limits.tokenizeMs, () => tokenizer.encode(text)) as { ids: number[] }).ids;
  } catch (cause) {
    throw new EngineFault('run_failed', `${folder}: a text could not be taken apart: ${messageOf(cause)}`, { cause });
  }
}

async function tokenizerJson(folder: string, config: Record<string, unknown>): Promise<Record<string, unknown>> {
  const file = join(folder, 'tokenizer.json');
  if (await exists(file)) return readJson(file);
  if (config.tokenizer_class !== 'CLIPTokenizer')
    throw new EngineFault(
      'load_failed',
      `${file}: missing; only CLIP’s tokenizer is read from vocab.json and merges.txt`,
    );
  const merges = await readText(join(folder, 'merges.txt'));
  return clipTokenizerJson(await readJson(join(folder, 'vocab.json')), merges);
}

function open(json: Record<string, unknown>, config: Record<string, unknown>, folder: string): Tokenizer {
  try {
    const tokenizer = withinMs(limits.tokenizeMs, () => new Tokenizer(json, config));
    normalizeByMap((tokenizer as unknown as { normalizer: Normalizer | null }).normalizer);
    return tokenizer;
  } catch (cause) {
    throw new EngineFault('load_failed', `${folder}: no tokenizer that can be read: ${messageOf(cause)}`, { cause });
  }
}

interface Normalizer {
  readonly config: { readonly precompiled_charsmap?: unknown };
  /** Of a sequence. */
  readonly normalizers?: readonly Normalizer[];
  normalize(text: string): string;
}

/** In place: where a map of characters was compiled in, it is what counts, and not the package's approximation. */
function normalizeByMap(normalizer: Normalizer | null): void {
  if (!normalizer) return;
  const { precompiled_charsmap: map } = normalizer.config;
  if (map !== undefined && map !== null) normalizer.normalize = precompiledCharsmap(String(map));
  for (const one of normalizer.normalizers ?? []) normalizeByMap(one);
}

/** Both are done on the right here. @throws EngineFault `load_failed` that names the setting */
function requireRight(config: Readonly<Record<string, unknown>>, folder: string): void {
  for (const side of ['padding_side', 'truncation_side']) {
    if ((config[side] ?? 'right') === 'right') continue;
    const message = `${side} is ${JSON.stringify(config[side])}, which is not supported; known: right`;
    throw new EngineFault('load_failed', `${join(folder, 'tokenizer_config.json')}: ${message}`);
  }
}

/** @param named in the settings; older folders name the padding in a file of its own */
function padIdOf(tokenizer: Tokenizer, named: unknown, folder: string): number {
  const id = tokenizer.token_to_id(contentOf(named));
  if (id !== undefined) return id;
  throw new EngineFault('load_failed', `${folder}: pad_token is ${JSON.stringify(named)}, which the vocabulary lacks`);
}

const readIfThere = async (file: string): Promise<Record<string, unknown>> =>
  (await exists(file)) ? readJson(file) : {};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
