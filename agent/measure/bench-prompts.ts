// What a bench asks for: the version's evaluation prompts in order, or its golden ones where it has no evaluation set.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { EvaluationSet } from '../../shared/evaluation-files.ts';
import { EngineFault, type EngineSpec } from '../engine/engine.ts';

export interface BenchPrompt {
  readonly prompt: string;
  readonly seed: number;
  /** What scoring needs; null without an evaluation set. */
  readonly judged: { readonly expected: Readonly<Record<string, string>>; readonly teacherAdherence: number } | null;
}

/** @throws EngineFault `load_failed` for an evaluation set that cannot be read */
export async function readBenchPrompts({ manifest, variant, folder }: EngineSpec): Promise<BenchPrompt[]> {
  if (!manifest.evaluation) return variant.golden.pictures.map(({ prompt, seed }) => ({ prompt, seed, judged: null }));
  const file = join(folder, manifest.evaluation.set);
  try {
    const set = EvaluationSet.parse(JSON.parse(await readFile(file, 'utf8')));
    return set.prompts.map(({ prompt, seed, expected, teacher }) => ({
      prompt,
      seed,
      judged: { expected, teacherAdherence: teacher.adherence },
    }));
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: ${messageOf(cause)}`, { cause });
  }
}
