// The second half of PROBING: the bench whose result decides the rollout's gate.
import type { DesiredModel } from '../../shared/desired-state.ts';
import { messageOf } from '../../shared/errors.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { observeMemory } from '../picture-memory.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';

export async function measure(
  means: Means,
  wanted: DesiredModel,
  options: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: { stage: string; done: number; total: number }) => void;
  },
): Promise<StepOutcome> {
  const { engines, agentVersion, clock } = means;
  const spec = await engineSpec(means.store, wanted);
  try {
    const result = await means.measure.runBench({
      ...{ launcher: engines.launcher, spec, mode: wanted.probe, agentVersion, clock },
      observe: (painted) => observeMemory(means, painted),
      ...options,
    });
    return options.signal.aborted ? { kind: 'stopped' } : { kind: 'measured', result };
  } catch (error) {
    return options.signal.aborted ? { kind: 'stopped' } : ended('ROLLED_BACK', 'bench_failed', messageOf(error));
  }
}
