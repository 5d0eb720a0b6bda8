// `still distil …`: makes the toolkit's Python environment on first use, and hands everything to the toolkit in it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asksForJson, failureJson } from '../../../shared/command-failure.ts';
import { StillError } from '../../../shared/errors.ts';
import { tellFailure } from '../tell-failure.ts';
import { findPython } from './find-python.ts';
import { PARENT_PIPE, runToEnd } from './run-to-end.ts';

const models = fileURLToPath(new URL('../../../models/', import.meta.url));
const setup = `${models}setup.py`;
const toolkit = `${models}toolkit.py`;
const environment = `${models}.venv/bin/python`;

try {
  process.exitCode = await distil(process.argv.slice(2));
} catch (thrown) {
  const { text, error, exitCode } = tellFailure(thrown);
  console.error(text);
  if (error && asksForJson(process.argv)) process.stdout.write(failureJson(error));
  process.exitCode = exitCode;
}

async function distil(args: readonly string[]): Promise<number> {
  if (!existsSync(toolkit))
    throw new StillError('unavailable', `the toolkit is not here: there is no ${toolkit}`, {
      problems: [{ message: '"still distil" works in a checkout of the project, where models/ is' }],
    });
  const made = await makeEnvironment();
  if (made !== 0) return made;
  return runToEnd({ command: environment, args: [toolkit, '--parent-pipe', String(PARENT_PIPE), ...args] });
}

/** Nothing where it is up to date. It says itself how much it is going to fetch. */
async function makeEnvironment(): Promise<number> {
  const python = existsSync(environment) ? environment : findPython(askVersion);
  const isCurrent = existsSync(environment) && spawnSync(python, [setup, '--check'], { stdio: 'ignore' }).status === 0;
  if (isCurrent) return 0;
  // An environment that is being replaced cannot do the replacing.
  return runToEnd({ command: findPython(askVersion), args: [setup], quiet: true });
}

function askVersion(name: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(name, ['--version'], { encoding: 'utf8' });
  // Python 2 answers on standard error.
  return status === 0 ? stdout || stderr : undefined;
}
