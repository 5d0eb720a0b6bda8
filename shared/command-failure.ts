// What a command prints of its failure with --json: one object in one line, so that it also ends a stream of such lines.
import { messageOf, type Problem, StillError } from './errors.ts';

export interface CommandFailure {
  /** Of the table of faults or, from an engine, its own. */
  readonly code: string;
  readonly message: string;
  /** Fields that are wrong, and what to do. */
  readonly problems?: readonly Problem[];
}

/** Read from the words themselves: those that cannot be parsed are a failure, too. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).includes('--json');
}

/** Of anything thrown. */
export function failureOf(thrown: unknown): CommandFailure {
  const { code, problems } = thrown instanceof StillError ? thrown : { code: 'internal', problems: [] };
  return { code, message: messageOf(thrown), problems };
}

export function failureJson({ code, message, problems = [] }: CommandFailure): string {
  return `${JSON.stringify({ error: { code, message, ...(problems.length > 0 && { problems }) } })}\n`;
}
