// What two pictures of one request have in common. The evaluator of one version judges both, so that they are judged alike.
import type { ShadowComparison } from '../../shared/messages.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { pictureAdherence } from '../../shared/quality.ts';
import { type Engine, EngineFault, type EngineSpec } from '../engine/engine.ts';
import { readBenchPrompts } from './bench-prompts.ts';

type Labels = Readonly<Record<string, string>>;

export async function compareShadow({
  engine,
  spec,
  prompt,
  pngs: [returned, shadow],
}: {
  readonly engine: Engine;
  readonly spec: EngineSpec;
  readonly prompt: string;
  readonly pngs: readonly [Uint8Array, Uint8Array];
}): Promise<Pick<ShadowComparison, 'meanAbsoluteDifference' | 'sameLabels' | 'adherence'>> {
  const difference = pictureDifference(returned, shadow);
  const meanAbsoluteDifference = difference.kind === 'compared' ? difference.meanAbsoluteDifference : null;
  const labels = [await labelsOf(engine, returned), await labelsOf(engine, shadow)] as const;
  const [a, b] = labels;
  if (!a || !b) return { meanAbsoluteDifference, sameLabels: null, adherence: null };
  const expected = (await readBenchPrompts(spec)).find((one) => one.prompt === prompt)?.judged?.expected;
  const adherence: [number, number] | null = expected
    ? [pictureAdherence(expected, a), pictureAdherence(expected, b)]
    : null;
  return { meanAbsoluteDifference, sameLabels: pictureAdherence(a, b), adherence };
}

/** Null for a version without an evaluator, or a picture that it does not look at. */
async function labelsOf(engine: Engine, png: Uint8Array): Promise<Labels | null> {
  try {
    return await engine.evaluate(png);
  } catch (error) {
    if (error instanceof EngineFault && (error.code === 'no_evaluator' || error.code === 'invalid_request'))
      return null;
    throw error;
  }
}
