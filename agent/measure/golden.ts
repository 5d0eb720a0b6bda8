// Whether this device makes the publisher's own pictures again: the proof that the bytes here run rightly.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import type { Variant } from '../../shared/manifest.ts';
import { type PictureDifference, pictureDifference } from '../../shared/picture-difference.ts';
import { type Engine, EngineFault, type EngineSpec } from '../engine/engine.ts';

export type GoldenOutcome =
  | { readonly kind: 'equal'; readonly worstMeanAbsoluteDifference: number }
  | { readonly kind: 'different'; readonly message: string };

type GoldenPicture = Variant['golden']['pictures'][number];

/** Renders every golden picture of the variant and compares. @throws EngineFault when the engine cannot */
export async function checkGolden(engine: Engine, spec: EngineSpec, signal?: AbortSignal): Promise<GoldenOutcome> {
  const { pictures, maxMeanAbsoluteDifference: bound } = spec.variant.golden;
  let worstMeanAbsoluteDifference = 0;
  for (const golden of pictures) {
    const difference = await compare(engine, spec.folder, golden, signal);
    const where = `golden picture "${golden.prompt}" (seed ${golden.seed})`;
    if (difference.kind === 'incomparable') return { kind: 'different', message: `${where} ${difference.message}` };
    const mean = difference.meanAbsoluteDifference;
    if (mean > bound)
      return {
        kind: 'different',
        message: `${where} differs by ${mean.toFixed(2)} levels on average, allowed ${bound}`,
      };
    worstMeanAbsoluteDifference = Math.max(worstMeanAbsoluteDifference, mean);
  }
  return { kind: 'equal', worstMeanAbsoluteDifference };
}

async function compare(
  engine: Engine,
  folder: string,
  { prompt, seed, steps, guidanceScale, picture }: GoldenPicture,
  signal: AbortSignal | undefined,
): Promise<PictureDifference> {
  const { png } = await engine.generate({ prompt, seed, steps, guidanceScale }, signal ? { signal } : {});
  const file = join(folder, picture);
  try {
    return pictureDifference(png, await readFile(file));
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: ${messageOf(cause)}`, { cause });
  }
}
