// One table of faults. A code is stable, machines switch on it; the message says what was wrong, where, and what to do.

/** code → [HTTP status, exit code of the command line, short title] */
export const ERROR_CODES = {
  invalid_input: [400, 2, 'The request is not well-formed'],
  unauthenticated: [401, 4, 'A key is needed'],
  forbidden: [403, 4, 'This key may not do that'],
  not_found: [404, 1, 'Not found'],
  conflict: [409, 4, 'In conflict with the present state'],
  gone: [410, 4, 'No longer there'],
  too_large: [413, 4, 'Too large'],
  range_not_satisfiable: [416, 1, 'The range lies outside the file'],
  unprocessable: [422, 4, 'Understood, and refused'],
  too_many: [429, 4, 'Too many at once'],
  internal: [500, 1, 'A fault of the server'],
  unavailable: [503, 3, 'Not available now'],
  timeout: [504, 1, 'Took too long'],
} as const satisfies Record<string, readonly [status: number, exitCode: number, title: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface Problem {
  /** The field, file or argument that is wrong, as the user wrote it. */
  readonly field?: string;
  /** Of a device: its own reason, finer than the codes above. */
  readonly code?: string;
  readonly message: string;
}

/** The one error class of both ends. `problems` names each wrong field when there is more than one thing to say. */
export class StillError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, options: { problems?: readonly Problem[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StillError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
