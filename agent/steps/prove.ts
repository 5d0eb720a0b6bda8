// The first half of PROBING: does this device make the publisher's own pictures again?
import type { DesiredModel } from '../../shared/desired-state.ts';
import { messageOf } from '../../shared/errors.ts';
import type { InstallationReason } from '../../shared/installation.ts';
import { EngineFault, type EngineFaultCode } from '../engine/engine.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';

/** A golden picture that could not even be made: whether the engine is to blame, or what it was given. */
const REASONS = {
  load_failed: 'load_failed',
  runtime_missing: 'runtime_missing',
  memory_insufficient: 'memory_insufficient',
  killed: 'crashed',
  timeout: 'crashed',
  canceled: 'crashed',
  run_failed: 'golden_mismatch',
  invalid_request: 'golden_mismatch',
  prompt_too_long: 'golden_mismatch',
  size_not_supported: 'golden_mismatch',
  steps_not_supported: 'golden_mismatch',
  no_evaluator: 'golden_mismatch',
} as const satisfies Record<EngineFaultCode, InstallationReason['code']>;

export async function prove(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const spec = await engineSpec(means.store, wanted);
  try {
    const verdict = await means.measure.checkGolden(await means.engines.get(spec), spec, signal);
    if (signal.aborted) return { kind: 'stopped' };
    return verdict.kind === 'equal' ? { kind: 'proven' } : ended('ROLLED_BACK', 'golden_mismatch', verdict.message);
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    return ended('ROLLED_BACK', REASONS[error instanceof EngineFault ? error.code : 'run_failed'], messageOf(error));
  }
}
