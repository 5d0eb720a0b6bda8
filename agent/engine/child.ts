// Starts the worker as a process of its own and watches over its life: frames in, frames out, last words, end.
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isFrame, type ToChild, type ToParent } from './frames.ts';

/**
 * ONNX Runtime's Linux builds report to their maker since 1.29 unless this is set before they start. glibc would give each
 * thread a heap of its own, which keeps what was freed there; and it would keep freed pieces of up to 32 MB for what comes
 * next, which is never of their size: 86 million parameters in fp16 rested at 760 instead of 640 MB, in the same processor time.
 * What is given back is asked for anew, page by page, which takes 4 % of a picture's time; huge pages, where there are any, save it.
 */
const ENGINE_ENVIRONMENT = {
  ORT_DISABLE_TELEMETRY: '1',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: `${2 ** 20}`,
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};
/**
 * V8's middle compiler calls `Math.fround` as a function where its last one makes an instruction of it, and keeps code that
 * runs once a step for long: loops over values took up to ten times as long with it. And V8 lets its young generation grow
 * over thousands of pictures, which leave little garbage each: an engine took half as much again as its first ones foretold.
 */
export const NODE_FLAGS = ['--no-maglev', '--max-semi-space-size=1'];
const LINE_CHARACTERS = 500;
/** A runtime that warns without end must not fill the agent's log. */
const LOGGED_LINES = 100;

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Child {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  send(frame: ToChild): void;
  kill(): void;
  /** The last line that it wrote to stderr; empty when there was none. */
  lastWords(): string;
}

/** @param onFrame gets every well-formed frame; a malformed one ends the child */
export function startChild(options: { onFrame: (frame: ToParent) => void; log: (line: string) => void }): Child {
  const { onFrame, log } = options;
  const child = fork(workerPath(), [], {
    execPath: process.execPath,
    // Nothing is inherited: no secret of the agent's environment, no flag of its command line.
    env: ENGINE_ENVIRONMENT,
    execArgv: NODE_FLAGS,
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lastWords = listen(child, log);
  const kill = () => void child.kill('SIGKILL');
  child.on('message', (frame) => {
    if (isFrame(frame)) return onFrame(frame);
    log(`engine ${child.pid}: sent what is no frame; killed`);
    kill();
  });
  return { pid: child.pid ?? 0, ended: endOf(child), send: (frame) => send(child, frame), kill, lastWords };
}

/** The worker stands beside this file, as source or as built. */
function workerPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./worker.${extension}`, import.meta.url));
}

function send(child: ChildProcess, frame: ToChild): void {
  // A child that is gone cannot be told anything; its end says so to whoever waits.
  if (child.connected) child.send(frame, () => {});
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
}

function listen(child: ChildProcess, log: (line: string) => void): () => string {
  let last = '';
  let logged = 0;
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      const short = line.slice(0, LINE_CHARACTERS);
      if (stream === child.stderr && short.trim() !== '') last = short;
      if (++logged <= LOGGED_LINES) log(`engine ${child.pid}: ${short}`);
    });
  }
  return () => last;
}
