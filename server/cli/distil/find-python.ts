// Any Python from 3.11 on can make the toolkit's own environment; which of the usual names is one?
import { StillError } from '../../../shared/errors.ts';

export const OLDEST_PYTHON: readonly [number, number] = [3, 11];
export const PYTHON_NAMES: readonly string[] = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python',
];

/** What a program that is asked for its version prints, such as "Python 3.11.7"; undefined where there is no such program. */
export type AskVersion = (name: string) => string | undefined;

/** @throws StillError unavailable, with what was found instead */
export function findPython(ask: AskVersion): string {
  const found: string[] = [];
  for (const name of PYTHON_NAMES) {
    const answer = ask(name);
    if (answer === undefined) continue;
    if (isNewEnough(answer)) return name;
    found.push(`${name} is ${answer.trim()}`);
  }
  const needed = OLDEST_PYTHON.join('.');
  const instead = found.length > 0 ? ` (${found.join(', ')})` : '';
  throw new StillError('unavailable', `the toolkit needs Python ${needed} or newer, and none was found${instead}`, {
    problems: [{ message: 'install it, on Debian by "sudo apt install python3 python3-venv", and start this again' }],
  });
}

function isNewEnough(answer: string): boolean {
  const [, major, minor] = /^Python (\d+)\.(\d+)/.exec(answer) ?? [];
  return Number(major) === OLDEST_PYTHON[0] && Number(minor) >= OLDEST_PYTHON[1];
}
