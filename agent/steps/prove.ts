// The first half of PROBING: does this device make the publisher's own pictures again?
import type { DesiredModel } from '../../shared/desired-state.ts';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from '../engine/engine.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';

export async function prove(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const spec = await engineSpec(means.store, wanted);
  try {
    const verdict = await means.measure.checkGolden(await means.engines.get(spec), spec, signal);
    if (signal.aborted) return { kind: 'stopped' };
    return verdict.kind === 'equal' ? { kind: 'proven' } : ended('ROLLED_BACK', 'golden_mismatch', verdict.message);
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    const failedToLoad = error instanceof EngineFault && error.code === 'load_failed';
    return ended('ROLLED_BACK', failedToLoad ? 'load_failed' : 'golden_mismatch', messageOf(error));
  }
}
