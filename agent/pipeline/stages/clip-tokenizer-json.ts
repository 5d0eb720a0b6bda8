// CLIP's tokenizer as older folders keep it, vocab.json and merges.txt, in the shape of a tokenizer.json (transformers'
// conversion of its slow tokenizer to the fast one).

const START = '<|startoftext|>';
const END = '<|endoftext|>';
/** Words of letters, single digits, runs of other signs; English contractions stand apart. */
const PIECES = `${escaped(START)}|${escaped(END)}|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+`;

/** @param merges the file's text, a pair a line, the first line its version */
export function clipTokenizerJson(vocab: Readonly<Record<string, unknown>>, merges: string): Record<string, unknown> {
  const pairs = merges
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#version'))
    .map((line) => line.split(' '));
  const special = (content: string) => ({ id: vocab[content], content, special: true, normalized: false });
  return {
    added_tokens: [special(START), special(END)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PIECES }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [END, vocab[END]],
      cls: [START, vocab[START]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    // The package opens none without; it spells what was cut from a prompt.
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      unk_token: END,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      vocab,
      merges: pairs,
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
