// A server or an agent that the demo runs beside itself. It is started through the launcher with an IPC channel, so that
// it ends with the demo however the demo ends; in a process group of its own, so that Ctrl-C reaches the demo alone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { StillError } from '../../../shared/errors.ts';
import { timings } from '../../../shared/limits.ts';

const LAUNCHER = fileURLToPath(new URL('../../../shared/bin/still.js', import.meta.url));
const READY_MS = 60_000;
const LOOK_EVERY_MS = 25;
const LAST_LINES = 8;

export interface BackgroundProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** The line that says `ready`. */
  readonly readyLine: string;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<unknown>;
  hasEnded(): boolean;
  /** SIGTERM, and SIGKILL where that does not help in time. */
  stop(): Promise<void>;
}

/**
 * Starts `still ARGS` and waits until it says that it is ready.
 *
 * @throws StillError with the last lines of the log where it ends or takes too long before that
 */
export async function startProcess(name: string, args: readonly string[], logFile: string): Promise<BackgroundProcess> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const start = statSync(logFile).size;
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', log, log, 'ipc'], detached: true });
  closeSync(log);
  const ended = once(child, 'exit');
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = () => stopProcess(child, ended, hasEnded);
  const readyLine = await untilReady(name, logFile, start, hasEnded).catch(async (error) => {
    await stop();
    throw error;
  });
  return { name, pid: child.pid ?? 0, logFile, readyLine, ended, hasEnded, stop };
}

async function untilReady(name: string, logFile: string, start: number, hasEnded: () => boolean): Promise<string> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const over = hasEnded() ? 'ended before it was ready' : performance.now() > deadline ? 'is not ready in time' : '';
    const lines = readFileSync(logFile).subarray(start).toString().split('\n');
    const ready = lines.slice(0, -1).find((line) => /\bready\b/.test(line));
    if (ready) return ready;
    if (over) {
      const last = lines.filter(Boolean).slice(-LAST_LINES);
      throw new StillError('internal', `${name} ${over}`, {
        problems: [{ message: `its log is ${logFile}` }, ...last.map((message) => ({ message }))],
      });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function stopProcess(child: ChildProcess, ended: Promise<unknown>, hasEnded: () => boolean): Promise<void> {
  if (hasEnded()) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), timings.shutdownMs);
  await ended;
  clearTimeout(force);
}
