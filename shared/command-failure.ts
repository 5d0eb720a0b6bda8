// What a command prints of its failure with --json: one object in one line, so that it also ends a stream of such lines.
import { messageOf, type Problem, StillError } from './errors.ts';

export interface CommandFailure {
  /** Of the table of faults or, from an engine, its own. */
  readonly code: string;
  readonly message: string;
  /** Fields that are wrong, and what to do. */
  readonly problems?: readonly Problem[];
  /** Of a series, those that were made before. */
  readonly pictures?: readonly object[];
}

/** A series that ended before its last picture: what ended it, and what stands on the disk all the same. */
export class SeriesCut extends Error {
  override readonly cause: unknown;
  readonly pictures: readonly object[];

  constructor(cause: unknown, pictures: readonly object[]) {
    super(messageOf(cause));
    this.cause = cause;
    this.pictures = pictures;
  }
}

/** Read from the words themselves: those that cannot be parsed are a failure, too. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).includes('--json');
}

/** Of anything thrown. */
export function failureOf(thrown: unknown): CommandFailure {
  if (thrown instanceof SeriesCut) return { ...failureOf(thrown.cause), pictures: thrown.pictures };
  const { code, problems } = thrown instanceof StillError ? thrown : { code: 'internal', problems: [] };
  return { code, message: messageOf(thrown), problems };
}

export function failureJson({ code, message, problems = [], pictures = [] }: CommandFailure): string {
  const error = { code, message, ...(problems.length > 0 && { problems }) };
  return `${JSON.stringify({ ...(pictures.length > 0 && { pictures }), error })}\n`;
}
