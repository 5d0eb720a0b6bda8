// Real processes for the end-to-end tests: one server, any number of agents, in folders of their own, on free ports.
// Every process is ended by its own pid when the test is over, also when it fails.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 60_000;

export interface Running {
  readonly process: ChildProcess;
  /** The line with `ready`. */
  readonly readyLine: string;
  readonly log: () => string;
  /** SIGTERM, then waits for the end. Resolves to the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<void>;
}

/** How a command of `still` ended. */
interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningServer extends Running {
  readonly url: string;
  readonly mqttUrl: string;
  readonly key: string;
  readonly data: string;
  /** One HTTP call with the admin key (or another): the status and the parsed body. */
  call(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: never }>;
  /** One command line with the admin key, in the fleet's folder. */
  still(args: readonly string[], env?: Record<string, string>): Promise<Ran>;
}

export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'stillhouse-e2e-'));
  private readonly running: Running[] = [];

  /** Starts a server; with `ports` of an earlier one it comes back at the same place. */
  async server(options: { data?: string; http?: string; mqtt?: string; entry?: string } = {}): Promise<RunningServer> {
    const data = options.data ?? join(this.folder, 'server');
    const { http = '127.0.0.1:0', mqtt = '127.0.0.1:0', entry = 'server/main.ts' } = options;
    const running = await this.start('server', [entry, '--data', data, '--http', http, '--mqtt', mqtt]);
    const url = /http:\/\/[^\s,;"]+/.exec(running.readyLine)?.[0] ?? '';
    const mqttUrl = /mqtt:\/\/[^\s,;"]+/.exec(running.readyLine)?.[0] ?? '';
    const adminKey = readFileSync(join(data, 'admin.key'), 'utf8').trim();
    const call = async (method: string, path: string, body?: unknown, key = adminKey) => {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text ? JSON.parse(text) : null) as never };
    };
    const still = async (args: readonly string[], more: Record<string, string> = {}): Promise<Ran> => {
      const env = { ...process.env, STILL_SERVER: url, STILL_KEY: adminKey, NO_COLOR: '1', ...more };
      const command = [join(root, 'shared/bin/still.js'), ...args];
      return promisify(execFile)(process.execPath, command, { cwd: this.folder, env }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
      );
    };
    return { ...running, url, mqttUrl, key: adminKey, data, call, still };
  }

  /** Starts an agent; the first start needs a token. */
  agent(
    server: { url: string },
    name: string,
    options: { token?: string; args?: readonly string[] } = {},
  ): Promise<Running> {
    const token = options.token ? ['--token', options.token] : [];
    const args = ['agent/main.ts', '--server', server.url, '--name', name, '--data', this.agentData(name)];
    return this.start(name, [...args, ...token, ...(options.args ?? [])]);
  }

  agentData(name: string): string {
    return join(this.folder, `agent-${name}`);
  }

  async start(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
    mkdirSync(this.folder, { recursive: true });
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const file = createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' });
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        file.write(chunk);
      });
    const gone = once(child, 'exit');
    const readyLine = await until(`${name} to be ready`, READY_MS, () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready:\n${log}`);
      return log.split('\n').find((line) => /\bready\b/.test(line));
    });
    const end = async (signal: NodeJS.Signals) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await gone;
    };
    const running: Running = {
      process: child,
      readyLine,
      log: () => log,
      stop: async () => {
        await end('SIGTERM');
        return child.exitCode;
      },
      kill: () => end('SIGKILL'),
    };
    this.running.push(running);
    return running;
  }

  /** Kills what still runs and removes the folder. */
  async end(): Promise<void> {
    await Promise.all(this.running.map((running) => running.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks again until `ask` gives something other than undefined, null or false. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => T | Promise<T>,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
