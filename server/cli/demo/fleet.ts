// The demo's fleet: one server and its agents, real processes on this machine, in one folder that a later start uses again.
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
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

/** Where the last start listened. The next one comes back to the same place, so that commands typed before still work. */
const Places = z.object({ http: z.string(), mqtt: z.string() });

export interface DemoServer {
  readonly client: Client;
  readonly key: string;
  readonly mqtt: URL;
  readonly process: BackgroundProcess;
}

/** @throws StillError where the demo runs already in this folder */
export async function startServer(folder: string): Promise<DemoServer> {
  mkdirSync(folder, { recursive: true });
  const memory = join(folder, 'demo.json');
  const places = await placesOf(folder, memory);
  const data = join(folder, 'server');
  const args = ['serve', '--data', data, '--http', places.http, '--mqtt', places.mqtt];
  const process = await startProcess('server', args, join(folder, 'logs', 'server.log'));
  const url = address(process, /https?:\/\/[^\s,;"]+/);
  const mqtt = address(process, /mqtt:\/\/[^\s,;"]+/);
  writeFileSync(memory, JSON.stringify({ http: url.host, mqtt: mqtt.host }));
  const key = readFileSync(join(data, 'admin.key'), 'utf8').trim();
  return { client: new Client({ url, key }), key, mqtt, process };
}

async function placesOf(folder: string, memory: string): Promise<z.infer<typeof Places>> {
  if (!existsSync(memory)) return { http: ANY_PORT, mqtt: ANY_PORT };
  const { http, mqtt } = Places.parse(JSON.parse(readFileSync(memory, 'utf8')));
  if (await answers(`http://${http}`))
    throw new StillError('conflict', `the demo runs already in ${folder}, at http://${http}`, {
      problems: [{ message: 'end it with Ctrl-C where it runs, or give this one another folder with --data' }],
    });
  return { http: (await isFree(http)) ? http : ANY_PORT, mqtt: (await isFree(mqtt)) ? mqtt : ANY_PORT };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
}

/** Another program may have taken the port since the last start. */
async function isFree(place: string): Promise<boolean> {
  const { hostname: host, port } = new URL(`tcp://${place}`);
  const probe = createServer().listen({ host, port: Number(port) });
  return once(probe, 'listening').then(
    async () => {
      probe.close();
      await once(probe, 'close');
      return true;
    },
    () => false,
  );
}

function address({ readyLine, logFile }: BackgroundProcess, pattern: RegExp): URL {
  const url = URL.parse(pattern.exec(readyLine)?.[0] ?? '');
  if (url) return url;
  throw new StillError('internal', `the server does not say where it listens: "${readyLine}"; its log is ${logFile}`);
}

/** Starts one agent for each name; those the server does not know yet join with a token. */
export async function startAgents(
  server: DemoServer,
  folder: string,
  names: readonly string[],
  started: (process: BackgroundProcess) => void,
): Promise<void> {
  const { client, mqtt } = server;
  const known = new Set((await client.call('listDevices', {})).map(({ name }) => name));
  const fresh = names.filter((name) => !known.has(name));
  const token = fresh.length ? await joinToken(client, fresh.length) : '';
  await Promise.all(
    names.map(async (name) => {
      // The room is a part of the name: pi-kitchen stands in the kitchen.
      const room = `room=${name.replace(/^pi-/, '')}`;
      const joining = known.has(name) ? [] : ['--token', token, '--label', room];
      const data = join(folder, 'devices', name);
      const places = ['--server', client.url.origin, '--mqtt', mqtt.href, '--data', data];
      const args = ['agent', '--name', name, ...places, ...joining];
      started(await startProcess(name, args, join(folder, 'logs', `${name}.log`)));
    }),
  );
  await untilOnline(client, names);
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
