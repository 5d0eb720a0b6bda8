// How much of each caption the version's own evaluator finds in the pictures that this device makes, and what is wrong
// with those pictures by themselves.
import { decode } from 'fast-png';
import { type Artifacts, Diversity, meanArtifacts, pictureArtifacts, type Rgb } from '../../shared/artifacts.ts';
import { pictureAdherence, type QualityScore, qualityScore } from '../../shared/quality.ts';
import { type Engine, EngineFault } from '../engine/engine.ts';
import type { BenchPrompt } from './bench-prompts.ts';

export interface MeasuredQuality extends QualityScore {
  /** Means over the pictures; null where the version does not say how large its patches are. */
  readonly artifacts: Artifacts | null;
  /** Between the pictures, in levels of 0–255. */
  readonly diversityLevels: number;
}

/** @returns null for prompts that carry nothing to judge by */
export async function measureQuality(options: {
  readonly engine: Engine;
  readonly prompts: readonly BenchPrompt[];
  /** Pictures already made, by place in `prompts`. */
  readonly pictures: ReadonlyMap<number, Uint8Array>;
  readonly gridPeriodPixels: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPicture: (done: number) => void;
}): Promise<MeasuredQuality | null> {
  const { engine, prompts, pictures, gridPeriodPixels, signal, onPicture } = options;
  const adherence: number[] = [];
  const teacher: number[] = [];
  const artifacts: Artifacts[] = [];
  const diversity = new Diversity();
  for (const [place, { prompt, seed, judged }] of prompts.entries()) {
    if (!judged) return null;
    const png = pictures.get(place) ?? (await engine.generate({ prompt, seed }, signal ? { signal } : {})).png;
    const found = await engine.evaluate(png, signal);
    if (signal?.aborted) throw new EngineFault('canceled', 'canceled while scoring');
    adherence.push(pictureAdherence(judged.expected, found));
    teacher.push(judged.teacherAdherence);
    const picture = rgbOf(png);
    diversity.add(picture);
    if (gridPeriodPixels) artifacts.push(pictureArtifacts(picture, gridPeriodPixels));
    onPicture(adherence.length);
  }
  return {
    ...qualityScore(adherence, teacher),
    artifacts: artifacts.length > 0 ? meanArtifacts(artifacts) : null,
    diversityLevels: diversity.levels(),
  };
}

/** Engines write PNGs of 8 bits and three channels; the evaluator has refused any other by now. */
function rgbOf(png: Uint8Array): Rgb {
  const { width, height, data, channels } = decode(png);
  const pixels = data as Uint8Array;
  return { width, height, rgb: channels === 3 ? pixels : pixels.filter((_, i) => i % 4 !== 3) };
}
