// How much faster vectors make numbers normal than one by one does, in turns; and all radii and angles that there are, by both.
import { boxMuller as oneByOne } from '../../agent/pipeline/box-muller.ts';
import { boxMuller } from '../../agent/pipeline/vector-box-muller.ts';
import { median } from '../../shared/statistics.ts';
import type { PerfResult } from './result.ts';

/** Of latents of 64x64x4. */
const VALUES = 4 * 64 * 64;
const ROUNDS = 21;
const CALLS = 20;
const WORDS_OF_24_BITS = 2 ** 24;

export function measureNoise(): PerfResult {
  compareAll();
  const words = Uint32Array.from({ length: VALUES }, (_, i) => Math.imul(i, 0x9e3779b1));
  const values = new Float32Array(VALUES);
  const [slow, fast]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    slow.push(msOf(() => oneByOne(words, values)));
    fast.push(msOf(() => boxMuller(words, values)));
  }
  const ratios = slow.map((ms, i) => ms / (fast[i] as number));
  return {
    name: 'noise',
    what: 'normal numbers one by one ÷ by vectors',
    value: median(ratios),
    unit: 'ratio',
    goal: 4,
    goalIs: 'at least',
    spread: { low: Math.min(...ratios), high: Math.max(...ratios) },
    detail: `${VALUES} values: ${median(slow).toFixed(2)} and ${median(fast).toFixed(2)} ms; the same bits of all 2^24 radii and angles`,
  };
}

function msOf(call: () => void): number {
  const begun = performance.now();
  for (let i = 0; i < CALLS; i++) call();
  return (performance.now() - begun) / CALLS;
}

/** Each block of 16 takes eight radii and eight angles. @throws Error where a bit differs */
function compareAll(): void {
  const words = new Uint32Array(VALUES);
  const [expected, got] = [new Float32Array(VALUES), new Float32Array(VALUES)];
  const [expectedBits, gotBits] = [new Uint32Array(expected.buffer), new Uint32Array(got.buffer)];
  for (let first = 0; first < WORDS_OF_24_BITS; first += VALUES / 2) {
    // An odd factor leads through all angles, beside other radii.
    for (let i = 0; i < VALUES; i++) {
      const nth = first + (i >> 4) * 8 + (i & 7);
      words[i] = i & 8 ? Math.imul(nth, 0x9e3779b1) : nth;
    }
    oneByOne(words, expected);
    boxMuller(words, got);
    const at = gotBits.findIndex((bits, i) => bits !== expectedBits[i]);
    if (at >= 0) throw new Error(`vectors give other bits of the words ${words[at & ~8]} and ${words[at | 8]}`);
  }
}

if (import.meta.main) console.log(measureNoise());
