// Tokens that are found in a text before it is taken apart. A tokenizer.json names them; transformers adds those that only the
// files beside it name: SDXL's second tokenizer pads with "!", and reads each "!" of a prompt as that token.

/** What stands beside a tokenizer.json, or in its place. */
export interface Beside {
  /** tokenizer_config.json */
  readonly config: Readonly<Record<string, unknown>>;
  /** special_tokens_map.json of older folders */
  readonly special: Readonly<Record<string, unknown>>;
  /** added_tokens.json of older folders: ids by their text */
  readonly added: Readonly<Record<string, unknown>>;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;
const LISTS = ['additional_special_tokens', 'extra_special_tokens'] as const;

/** @returns the same tokenizer.json with every token that transformers would find in a text */
export function withAddedTokens(json: Readonly<Record<string, unknown>>, beside: Beside): Record<string, unknown> {
  const own = Array.isArray(json.added_tokens) ? (json.added_tokens as AddedToken[]) : [];
  const known = new Map(own.map((token) => [token.content, token]));
  const idOf = idsOf(json.model);
  const add = (token: AddedToken) => void (known.has(token.content) || known.set(token.content, token));
  for (const [id, value] of Object.entries(objectOf(beside.config.added_tokens_decoder))) {
    const token = tokenFrom(value, Number(id), false);
    if (token) add(token);
  }
  for (const [content, id] of Object.entries(beside.added)) {
    if (typeof id === 'number') add({ id, content, special: false, normalized: true });
  }
  for (const value of namedBy(beside.config).concat(namedBy(beside.special))) {
    const token = tokenFrom(value, idOf(contentOf(value)), true);
    if (token) add(token);
  }
  return { ...json, added_tokens: [...known.values()] };
}

const namedBy = (settings: Readonly<Record<string, unknown>>): unknown[] => [
  ...ROLES.map((role) => settings[role]),
  // A list, or by names of their own.
  ...LISTS.flatMap((list) => Object.values((settings[list] ?? {}) as object)),
];

function tokenFrom(value: unknown, id: number | undefined, special: boolean): AddedToken | null {
  const content = contentOf(value);
  if (content === '' || id === undefined || !Number.isInteger(id)) return null;
  const flags = objectOf(value);
  const on = (flag: string, usual = false): boolean => (flags[flag] ?? usual) === true;
  return {
    ...{ id, content, special: special || on('special'), normalized: on('normalized') },
    ...{ lstrip: on('lstrip'), rstrip: on('rstrip'), single_word: on('single_word') },
  };
}

/** A special token stands either as its text or as an object with `content`. */
export function contentOf(token: unknown): string {
  const { content } = objectOf(token);
  if (content !== undefined) return String(content);
  return typeof token === 'string' ? token : '';
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** Of a model that lists ids by pieces (BPE), or pieces in the order of their ids (Unigram). */
function idsOf(model: unknown): (content: string) => number | undefined {
  const { vocab } = objectOf(model);
  if (!Array.isArray(vocab)) {
    const ids = objectOf(vocab);
    return (content) => (Object.hasOwn(ids, content) ? Number(ids[content]) : undefined);
  }
  return (content) => {
    const found = vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === content);
    return found < 0 ? undefined : found;
  };
}
