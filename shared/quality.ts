// The one definition of quality: what a score of 0–5 means. The toolkit computes the same (models/, evaluate).
import { mean } from './statistics.ts';

/** Share of the expected parts that the evaluator found, 0–1. */
export function pictureAdherence(
  expected: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): number {
  const heads = Object.keys(expected);
  if (heads.length === 0) return 1;
  return heads.filter((head) => found[head] === expected[head]).length / heads.length;
}

export interface QualityScore {
  readonly score: number;
  readonly adherence: number;
  readonly whole: number;
  readonly pictures: readonly number[];
}

/**
 * `score = 5 · min(1, mean adherence / the teacher's mean adherence)` over the same prompts and seeds: the teacher
 * stands at 5.
 *
 * @param pictures adherence of each picture
 * @param teacher adherence of the teacher's picture of the same prompt
 */
export function qualityScore(pictures: readonly number[], teacher: readonly number[]): QualityScore {
  if (pictures.length !== teacher.length) throw new RangeError('a score needs one teacher value a picture');
  const adherence = mean(pictures);
  return {
    score: 5 * Math.min(1, adherence / Math.max(mean(teacher), Number.EPSILON)),
    adherence,
    whole: pictures.filter((value) => value === 1).length / pictures.length,
    pictures,
  };
}
