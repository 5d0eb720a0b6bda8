import { expect, it } from 'vitest';
import { requireMerges } from './require-merges.ts';

const vocab = { a: 0, b: 1, ab: 2, '##b': 3, constructor: 4 };
const model = (merges: unknown, more = {}) => ({ type: 'BPE', vocab, merges, ...more });

it.each([
  ['pairs in one string', model(['a b'])],
  ['pairs in two', model([['a', 'b']])],
  ['no merges at all', model([])],
  ['a prefix of what goes on', model(['a ##b'], { continuing_subword_prefix: '##' })],
  ['another kind', { type: 'WordLevel', vocab: {} }],
  ['no model', undefined],
])('takes %s', (_, given) => expect(() => requireMerges(given, 'tokenizer')).not.toThrow());

it.each([
  ['a single token', [['a', 'b'], ['a']], 'merge 1, ["a"]'],
  ['a number', [7], 'merge 0, 7'],
  ['three tokens', ['a b b'], 'merge 0, "a b b"'],
  ['a token that the vocabulary lacks', ['a c'], 'merge 0, "a c"'],
  ['a pair that makes none', ['b a'], 'merge 0, "b a"'],
  ['what every object has', [['toString', 'b']], 'merge 0, ["toString","b"]'],
  ['no list', 'a b', 'merges or vocab are missing'],
])('refuses %s', (_, merges, why) => {
  expect(() => requireMerges(model(merges), 'tokenizer')).toThrow(`tokenizer: the tokenizer’s ${why}`);
});
