// The one door through which a failure leaves: what was wrong, where, what to do, and the exit code that says the kind.
import { CommanderError } from 'commander';
import pc from 'picocolors';
import { type CommandFailure, failureOf, SeriesCut } from '../../shared/command-failure.ts';
import { ERROR_CODES, messageOf, type Problem, StillError } from '../../shared/errors.ts';

export interface Failure {
  readonly text: string;
  /** For a program; null where nothing failed. */
  readonly error: CommandFailure | null;
  /** 1 failed, 2 wrong usage, 3 not reachable, 4 refused. */
  readonly exitCode: number;
}

/** Commander has printed its own errors already; of them only the exit code is left to say. */
export function tellFailure(thrown: unknown): Failure {
  if (thrown instanceof SeriesCut) return { ...tellFailure(thrown.cause), error: failureOf(thrown) };
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return { text: '', error: null, exitCode: 0 };
    const message = thrown.message.replace(/^error: /, '');
    return { text: '', error: { code: 'invalid_input', message }, exitCode: 2 };
  }
  const problems = thrown instanceof StillError ? thrown.problems : [];
  const [head = '', ...more] = messageOf(thrown).split('\n');
  // All of them follow.
  const first = problems.length > 1 ? head.replace(/ \(and \d+ more\)$/, '') : head;
  // A single problem may be all that the message says.
  const said = problems.filter(({ message }) => message !== first).map(wordsOf);
  const details = [...more, ...said.filter((words) => !first.includes(words))];
  const text = [`${pc.red('error:')} ${first}`, ...details.map((detail) => `       ${detail}`)].join('\n');
  return { text, error: failureOf(thrown), exitCode: thrown instanceof StillError ? ERROR_CODES[thrown.code][1] : 1 };
}

const wordsOf = ({ field, message }: Problem): string => (field ? `${field}: ${message}` : message);
