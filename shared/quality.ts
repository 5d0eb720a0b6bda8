// The one definition of quality: what a score of 0–5 means. The toolkit computes the same (models/, adherence.py); both
// pass test/golden/quality.json.
import { type Interval, mean, mulberry32, quantile } from './statistics.ts';

/** Share of the expected parts that the evaluator found, 0–1. */
export function pictureAdherence(
  expected: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): number {
  const heads = Object.keys(expected);
  if (heads.length === 0) return 1;
  return heads.filter((head) => found[head] === expected[head]).length / heads.length;
}

/** Of the bootstrap: the same on every device and in the toolkit, so that equal pictures have equal intervals. */
const BOOTSTRAP = { confidence: 0.95, resamples: 1000, seed: 1 } as const;

export interface QualityScore {
  readonly score: number;
  readonly interval: Interval & { readonly confidence: number };
  readonly adherence: number;
  readonly whole: number;
  readonly pictures: readonly number[];
}

/**
 * `score = 5 · min(1, mean adherence / the teacher's mean adherence)` over the same prompts and seeds: the teacher
 * stands at 5. The interval resamples prompts, each with the teacher's value beside it: what a prompt asks of both cancels.
 *
 * @param pictures adherence of each picture
 * @param teacher adherence of the teacher's picture of the same prompt
 */
export function qualityScore(pictures: readonly number[], teacher: readonly number[]): QualityScore {
  if (pictures.length !== teacher.length) throw new RangeError('a score needs one teacher value a picture');
  const adherence = mean(pictures);
  return {
    score: ratioScore(adherence, mean(teacher)),
    interval: { ...scoreInterval(pictures, teacher), confidence: BOOTSTRAP.confidence },
    adherence,
    whole: pictures.filter((value) => value === 1).length / pictures.length,
    pictures,
  };
}

const ratioScore = (adherence: number, teacher: number): number =>
  5 * Math.min(1, adherence / Math.max(teacher, Number.EPSILON));

/** Percentile bootstrap of the ratio (Efron & Tibshirani 1993, ch. 13). */
function scoreInterval(pictures: readonly number[], teacher: readonly number[]): Interval {
  const uniform = mulberry32(BOOTSTRAP.seed);
  const count = pictures.length;
  const scores: number[] = [];
  for (let round = 0; round < BOOTSTRAP.resamples; round++) {
    let [sum, teacherSum] = [0, 0];
    for (let i = 0; i < count; i++) {
      const drawn = Math.floor(uniform() * count);
      sum += pictures[drawn] as number;
      teacherSum += teacher[drawn] as number;
    }
    scores.push(ratioScore(sum / count, teacherSum / count));
  }
  const tail = (1 - BOOTSTRAP.confidence) / 2;
  return { low: quantile(scores, tail), high: quantile(scores, 1 - tail) };
}
