// How much of each caption the version's own evaluator finds in the pictures that this device makes.
import { pictureAdherence, type QualityScore, qualityScore } from '../../shared/quality.ts';
import { type Engine, EngineFault } from '../engine/engine.ts';
import type { BenchPrompt } from './bench-prompts.ts';

/** @returns null for prompts that carry nothing to judge by */
export async function measureQuality(options: {
  readonly engine: Engine;
  readonly prompts: readonly BenchPrompt[];
  /** Pictures already made, by place in `prompts`. */
  readonly pictures: ReadonlyMap<number, Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  readonly onPicture: (done: number) => void;
}): Promise<QualityScore | null> {
  const { engine, prompts, pictures, signal, onPicture } = options;
  const adherence: number[] = [];
  const teacher: number[] = [];
  for (const [place, { prompt, seed, judged }] of prompts.entries()) {
    if (!judged) return null;
    const png = pictures.get(place) ?? (await engine.generate({ prompt, seed }, signal ? { signal } : {})).png;
    const found = await engine.evaluate(png);
    if (signal?.aborted) throw new EngineFault('canceled', 'canceled while scoring');
    adherence.push(pictureAdherence(judged.expected, found));
    teacher.push(judged.teacherAdherence);
    onPicture(adherence.length);
  }
  return qualityScore(adherence, teacher);
}
