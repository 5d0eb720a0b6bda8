// Starts a program on this terminal and becomes it, as far as others can see: its signals, its exit code.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const PASSED_ON: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output goes to standard error: it is no result. */
  readonly quiet?: boolean;
}

/** The program's fourth stream (descriptor 3) is a pipe that closes when this process ends, however it ends. */
export const PARENT_PIPE = 3;

/** @returns the exit code, 128 and the signal's number where one ended the program */
export function runToEnd({ command, args, quiet = false }: Program): Promise<number> {
  const child = spawn(command, args, { stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit', 'pipe'] });
  const handlers = PASSED_ON.map((signal) => {
    // A terminal sends Ctrl-C to the whole group: the child has it already.
    const handler = () => void (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal));
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  }).finally(() => {
    for (const off of handlers) off();
  });
}
