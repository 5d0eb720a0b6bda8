// Reads wave sizes ("1", "25%", "100%": cumulative) and cuts a number of devices into waves by them.

export type Cut =
  | { readonly kind: 'count'; readonly devices: number }
  | { readonly kind: 'share'; readonly percent: number };

export type ParsedWaves =
  | { readonly kind: 'waves'; readonly cuts: readonly Cut[] }
  | { readonly kind: 'unreadable'; readonly message: string };

export const WAVES_FORM =
  'expected cumulative sizes, ascending, the last one 100%: counts or percentages such as "1,25%,100%"';

export function parseWaves(texts: readonly string[]): ParsedWaves {
  const unreadable = (index: number, what: string): ParsedWaves => {
    const position = texts.slice(0, index).join(',').length + (index > 0 ? 2 : 1);
    return {
      kind: 'unreadable',
      message: `waves "${texts.join(',')}": wave ${index + 1} "${texts[index] ?? ''}" at position ${position} is ${what}; ${WAVES_FORM}`,
    };
  };
  const cuts: Cut[] = [];
  for (const [index, text] of texts.entries()) {
    const cut = parseCut(text);
    if (!cut) return unreadable(index, 'neither a count of at least 1 nor a percentage of up to 100%');
    const same = cuts.findLast(({ kind }) => kind === cut.kind);
    if (same && sizeOf(cut) <= sizeOf(same)) return unreadable(index, 'not larger than the one before');
    cuts.push(cut);
  }
  return cuts.length === 0 ? unreadable(0, 'missing') : { kind: 'waves', cuts };
}

function parseCut(text: string): Cut | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(text);
  if (!match) return null;
  const value = Number(match[1]);
  if (match[2] === '%') return value > 0 && value <= 100 ? { kind: 'share', percent: value } : null;
  return Number.isSafeInteger(value) && value > 0 ? { kind: 'count', devices: value } : null;
}

const sizeOf = (cut: Cut) => (cut.kind === 'count' ? cut.devices : cut.percent);

export type CutWaves =
  | { readonly kind: 'waves'; readonly sizes: readonly number[] }
  | { readonly kind: 'incomplete'; readonly message: string };

/**
 * How many devices each wave has. A percentage is rounded up; a wave that adds nobody is left out, which happens where
 * a count meets a percentage of a small fleet.
 */
export function cutWaves(cuts: readonly Cut[], devices: number): CutWaves {
  const sizes: number[] = [];
  let reached = 0;
  for (const cut of cuts) {
    const upTo = cut.kind === 'count' ? cut.devices : Math.ceil((devices * cut.percent) / 100);
    const size = Math.min(upTo, devices) - reached;
    if (size <= 0) continue;
    sizes.push(size);
    reached += size;
  }
  if (reached < devices)
    return {
      kind: 'incomplete',
      message: `waves: the last one reaches ${reached} of ${devices} devices; end with 100%, or select fewer devices`,
    };
  return { kind: 'waves', sizes };
}
