// SentencePiece's normalisation (nmt_nfkc for T5) as tokenizer.json keeps it: a map of characters that was compiled from Unicode's
// tables and Google's own rules. The package here takes NFKC in its place, which differs: a joiner within an emoji stays one
// here, and is a space there. As the reference (spm_precompiled of Hugging Face's tokenizers) walks it, with its quirk: of a
// cluster shorter than six bytes the first match stands for all of it.

const QUIRK_BYTES = 6;

/** A double-array trie (Yata et al., darts-clone): each unit holds a label, whether a value follows, and where its children lie. */
type Units = Uint32Array;

/**
 * @param base64 `precompiled_charsmap`: the trie's size in bytes, the trie, and texts that each end in a zero byte
 * @returns what normalises a text
 * @throws RangeError when it is none
 */
export function precompiledCharsmap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64');
  const size = bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0);
  if (!(size > 0 && size % 4 === 0 && 4 + size <= bytes.length))
    throw new RangeError('precompiled_charsmap is cut short, or no map of characters');
  const units: Units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const texts = bytes.subarray(4 + size);
  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const encoder = new TextEncoder();
  const replaced = (part: string): string | null => {
    const found = firstMatch(units, encoder.encode(part));
    return found === null ? null : texts.toString('utf8', found, endOf(texts, found));
  };
  const normalizedCluster = (cluster: string): string => {
    const whole = Buffer.byteLength(cluster) < QUIRK_BYTES ? replaced(cluster) : null;
    return whole ?? Array.from(cluster, (character) => replaced(character) ?? character).join('');
  };
  return (text) => Array.from(clusters.segment(text), ({ segment }) => normalizedCluster(segment)).join('');
}

function endOf(texts: Buffer, start: number): number {
  const end = texts.indexOf(0, start);
  return end < 0 ? texts.length : end;
}

/** Value of the shortest key that the bytes begin with; null for none. */
function firstMatch(units: Units, key: Uint8Array): number | null {
  let at = childrenOf(units[0]);
  for (const byte of key) {
    at ^= byte;
    const unit = units[at];
    if (byte === 0 || unit === undefined || (unit & 0x8000_00ff) >>> 0 !== byte) return null;
    at ^= childrenOf(unit);
    if (unit & 0x100) return (units[at] ?? 0) & 0x7fff_ffff;
  }
  return null;
}

/** Bit 9 says that the offset is counted in 256. */
const childrenOf = (unit = 0): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
