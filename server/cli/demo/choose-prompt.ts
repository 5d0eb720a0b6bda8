import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StillError } from '../../../shared/errors.ts';
import { EvaluationSet } from '../../../shared/evaluation-files.ts';
import type { VersionFolder } from './versions.ts';

/** What the demo asks for: the shortest of the publisher's own prompts with a fox in it, or else simply the shortest. */
export async function choosePrompt({ folder, manifest }: VersionFolder): Promise<{ prompt: string; seed: number }> {
  const golden = manifest.variants.flatMap((variant) => variant.golden.pictures);
  const known = [...golden, ...(await evaluationPrompts(folder, manifest.evaluation?.set))];
  const foxes = known.filter(({ prompt }) => /\bfox\b/.test(prompt));
  const [chosen] = (foxes.length > 0 ? foxes : known).toSorted((a, b) => a.prompt.length - b.prompt.length);
  if (!chosen) throw new StillError('invalid_input', `${folder} has no prompt of its own`);
  return { prompt: chosen.prompt, seed: chosen.seed };
}

async function evaluationPrompts(folder: string, path: string | undefined): Promise<EvaluationSet['prompts']> {
  if (path === undefined) return [];
  return EvaluationSet.parse(JSON.parse(await readFile(join(folder, path), 'utf8'))).prompts;
}
