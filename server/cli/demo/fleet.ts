// The demo's fleet: one server and its agents, real processes on this machine, in one folder that a later start uses again.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { StillError } from '../../../shared/errors.ts';
import type { DeviceView } from '../../../shared/http-api.ts';
import { Client } from '../client.ts';
import { type BackgroundProcess, startProcess } from './background-process.ts';

const ANY_PORT = '127.0.0.1:0';
const ONLINE_MS = 30_000;
const TOKEN_LIFE_MS = 10 * 60_000;

/** Where the last start listened. Agents remember it, so the next start comes back to the same place. */
const Places = z.object({ http: z.string(), mqtt: z.string() });

export interface DemoServer {
  readonly client: Client;
  readonly key: string;
  readonly process: BackgroundProcess;
}

/** @throws StillError where the demo runs already in this folder */
export async function startServer(folder: string): Promise<DemoServer> {
  mkdirSync(folder, { recursive: true });
  const memory = join(folder, 'demo.json');
  const { http, mqtt } = existsSync(memory)
    ? Places.parse(JSON.parse(readFileSync(memory, 'utf8')))
    : { http: ANY_PORT, mqtt: ANY_PORT };
  if (http !== ANY_PORT && (await answers(`http://${http}`)))
    throw new StillError('conflict', `the demo runs already in ${folder}, at http://${http}`, {
      problems: [{ message: 'end it with Ctrl-C where it runs, or give this one another folder with --data' }],
    });
  const data = join(folder, 'server');
  const args = ['serve', '--data', data, '--http', http, '--mqtt', mqtt];
  const process = await startProcess('server', args, join(folder, 'logs', 'server.log'));
  const url = address(process, /https?:\/\/[^\s,;"]+/);
  writeFileSync(memory, JSON.stringify({ http: url.host, mqtt: address(process, /mqtt:\/\/[^\s,;"]+/).host }));
  const key = readFileSync(join(data, 'admin.key'), 'utf8').trim();
  return { client: new Client({ url, key }), key, process };
}

function address({ readyLine, logFile }: BackgroundProcess, pattern: RegExp): URL {
  const url = URL.parse(pattern.exec(readyLine)?.[0] ?? '');
  if (url) return url;
  throw new StillError('internal', `the server does not say where it listens: "${readyLine}"; its log is ${logFile}`);
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
}

/** Starts one agent for each name; those the server does not know yet join with a token. */
export async function startAgents(
  { client }: DemoServer,
  folder: string,
  names: readonly string[],
  started: (process: BackgroundProcess) => void,
): Promise<void> {
  const known = new Set((await client.call('listDevices', {})).map(({ name }) => name));
  const fresh = names.filter((name) => !known.has(name));
  const token = fresh.length ? await joinToken(client, fresh.length) : undefined;
  await Promise.all(
    names.map(async (name) => {
      const joining = known.has(name) || !token ? [] : ['--token', token];
      const data = join(folder, 'devices', name);
      const args = ['agent', '--server', client.url.origin, '--name', name, '--data', data, ...joining];
      started(await startProcess(name, args, join(folder, 'logs', `${name}.log`)));
    }),
  );
  await untilOnline(client, names);
  // The room is a part of the name: pi-kitchen stands in the kitchen.
  for (const name of fresh) {
    const body = { set: { room: name.replace(/^pi-/, '') } };
    await client.call('labelDevice', { params: { name }, body });
  }
}

async function joinToken(client: Client, uses: number): Promise<string> {
  const body = { uses, expiresInMs: TOKEN_LIFE_MS, labels: { site: 'home' } };
  return (await client.call('createToken', { body })).token;
}

async function untilOnline(client: Client, names: readonly string[]): Promise<DeviceView[]> {
  const deadline = performance.now() + ONLINE_MS;
  for (;;) {
    const online = (await client.call('listDevices', {})).filter(
      (device) => device.online && names.includes(device.name),
    );
    if (online.length === names.length) return online;
    if (performance.now() > deadline) {
      const missing = names.filter((name) => !online.some((device) => device.name === name));
      throw new StillError('timeout', `the server does not see ${missing.join(', ')} after ${ONLINE_MS / 1000} s`);
    }
    await sleep(100);
  }
}
