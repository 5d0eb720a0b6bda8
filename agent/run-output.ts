// What `still run` tells: how far it is, what the picture looks like on the way, and what was made.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { previewName } from '../shared/picture-series.ts';
import { plural } from '../shared/plural.ts';
import { noticeTexts } from '../shared/prompt-notices.ts';
import type { GeneratedPicture, StageProgress } from './engine/engine.ts';
import type { OpenedFolder } from './open-folder.ts';
import type { DescribedAdapter } from './pipeline/lora/describe-adapters.ts';
import type { RunPrediction } from './predict-run.ts';
import type { RunArguments } from './run-arguments.ts';

/** On the terminal, and each preview in the folder `previews`, named after the picture's file. */
export function showProgress(previews: string | undefined, file: string): (progress: StageProgress) => void {
  if (previews === undefined) return writeProgress;
  mkdirSync(previews, { recursive: true });
  return (progress) => {
    writeProgress(progress);
    if (progress.preview) writeFileSync(join(previews, previewName(basename(file), progress.done)), progress.preview);
  };
}

function writeProgress({ stage, done, total }: StageProgress): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${stage === 'png' ? '' : `${stage} ${done} of ${total}`}`);
}

type Told = OpenedFolder['told'];

export interface RunResult extends ReturnType<typeof figuresOf>, Told, RunPrediction {
  readonly file: string;
  readonly literalWeights: readonly string[];
  readonly guidanceScale: number;
  readonly loadMs: number;
  readonly peakRssBytes: number;
  readonly runtimeVersion: string;
  readonly threads: number;
  readonly adapters?: readonly DescribedAdapter[];
}

/** What is told of a picture, its bytes by their digest. */
export function figuresOf(made: GeneratedPicture) {
  const { png, seed, steps, width, height, latencyMs, stagesMs, unknownWords, promptCuts, tiled, batch } = made;
  const { negativeUnreadUpTo } = made;
  const sha256 = createHash('sha256').update(png).digest('hex');
  const told = { seed, steps, width, height, latencyMs, stagesMs, unknownWords, promptCuts, sha256 };
  return {
    ...told,
    ...(tiled && { tiled }),
    ...(batch && { batch }),
    ...(negativeUnreadUpTo !== undefined && { negativeUnreadUpTo }),
  };
}

/** In sentences or, for programs, as JSON: an object for one picture, a list for a series. */
export function tellResults({ json, isSeries }: RunArguments, results: readonly RunResult[]): void {
  if (json) {
    const told = results.length === 1 && !isSeries ? results[0] : { pictures: results };
    return void process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  }
  for (const { file, width, height, seed, steps, latencyMs, batch } of results) {
    const took = `${(latencyMs / 1000).toFixed(2)} s${batch ? ` for ${batch} together` : ''}`;
    process.stdout.write(`Saved ${file} (${width}×${height}, seed ${seed}, ${plural(steps, 'step')}, ${took}).\n`);
  }
  const last = results.at(-1);
  if (!last) return;
  // One prompt, so all of them say the same.
  for (const notice of noticeTexts(last)) process.stdout.write(`${notice}\n`);
  const [taken, predicted] = [last.peakRssBytes, last.predictedPeakBytes].map((bytes) => Math.round(bytes / 1e6));
  const memory = `${taken} MB of memory (${predicted} predicted)`;
  process.stdout.write(`${last.pipeline}, ${last.variant}, ${last.runtimeVersion}, ${memory}\n`);
}
