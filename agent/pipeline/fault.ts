// Faults of an engine, thrown by pipelines and their stages in the child and carried to the parent as code and message.

export const ENGINE_FAULT_CODES = [
  'load_failed',
  'runtime_missing',
  'memory_insufficient',
  'invalid_request',
  'prompt_too_long',
  'size_not_supported',
  'steps_not_supported',
  'no_evaluator',
  'run_failed',
  'canceled',
  'killed',
  'timeout',
] as const;
export type EngineFaultCode = (typeof ENGINE_FAULT_CODES)[number];

/** A fault of one request (the engine lives on) or of the engine itself (`killed`, `timeout`, `load_failed`). */
export class EngineFault extends Error {
  readonly code: EngineFaultCode;

  constructor(code: EngineFaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EngineFault';
    this.code = code;
  }
}
