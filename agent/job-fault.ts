import { messageOf } from '../shared/errors.ts';
import type { JobReason } from '../shared/job.ts';
import { EngineFault, type EngineFaultCode } from './engine/engine.ts';
import { failed, type JobOutcome } from './rules/job-outcome.ts';

const OUTCOMES = {
  invalid_request: ['REJECTED', 'invalid_request'],
  prompt_too_long: ['REJECTED', 'prompt_too_long'],
  size_not_supported: ['REJECTED', 'size_not_supported'],
  steps_not_supported: ['REJECTED', 'steps_not_supported'],
  load_failed: ['FAILED', 'engine_failed'],
  runtime_missing: ['FAILED', 'engine_failed'],
  memory_insufficient: ['REJECTED', 'memory_insufficient'],
  no_evaluator: ['FAILED', 'engine_failed'],
  run_failed: ['FAILED', 'engine_failed'],
  canceled: ['CANCELED', 'canceled'],
  killed: ['FAILED', 'engine_killed'],
  timeout: ['FAILED', 'engine_killed'],
} as const satisfies Record<EngineFaultCode, readonly ['REJECTED' | 'FAILED' | 'CANCELED', JobReason['code']]>;

/** What the engine could not do, in the words of a job. */
export function jobFault(jobId: string, thrown: unknown): JobOutcome {
  const [to, code] = thrown instanceof EngineFault ? OUTCOMES[thrown.code] : (['FAILED', 'engine_failed'] as const);
  return failed(jobId, to, { code, message: messageOf(thrown) });
}
