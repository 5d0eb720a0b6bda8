// Loads the new version beside the one that runs; that one goes on making pictures until the commit.
import type { DesiredModel } from '../../shared/desired-state.ts';
import { messageOf } from '../../shared/errors.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';

export async function activate(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const spec = await engineSpec(means.store, wanted);
  const onAbort = () => void means.engines.release(spec);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await means.engines.get(spec);
    return signal.aborted ? { kind: 'stopped' } : { kind: 'moved', to: 'PROBING' };
  } catch (error) {
    return signal.aborted ? { kind: 'stopped' } : ended('ROLLED_BACK', 'load_failed', messageOf(error));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
