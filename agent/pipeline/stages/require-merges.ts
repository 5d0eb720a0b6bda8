// The package skips merges that make no sense, and words come apart elsewhere than the encoder learned. The reference refuses
// such a file (tokenizers' BPE: a merge out of the vocabulary).
import { EngineFault } from '../fault.ts';

interface BpeModel {
  readonly type?: unknown;
  readonly merges?: unknown;
  readonly vocab?: unknown;
  readonly continuing_subword_prefix?: unknown;
}

/** @throws EngineFault `load_failed` that names the first merge which is no pair of tokens that make a third */
export function requireMerges(model: unknown, folder: string): void {
  const { type, merges, vocab, continuing_subword_prefix: prefix } = (model ?? {}) as BpeModel;
  if (type !== 'BPE') return;
  const refused = (why: string) => new EngineFault('load_failed', `${folder}: the tokenizer’s ${why}`);
  if (!Array.isArray(merges) || typeof vocab !== 'object' || vocab === null)
    throw refused('merges or vocab are missing');
  const skipped = typeof prefix === 'string' ? prefix.length : 0;
  const known = new Set<unknown>(Object.keys(vocab));
  for (const [i, merge] of merges.entries()) {
    const [first, second, more] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    if (more !== undefined || !known.has(first) || !known.has(second) || !known.has(first + second.slice(skipped)))
      throw refused(`merge ${i}, ${JSON.stringify(merge)}, is no pair of tokens that make a third`);
  }
}
