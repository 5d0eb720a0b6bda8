// SIGKILL at bad moments, with real processes: everything converges, nothing is lost, nothing is doubled.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { step } from '../../shared/machine.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { Fleet, type Running, type RunningServer, until } from './fleet.ts';
import { publish } from './publish.ts';
import { createToken } from './raw-device.ts';

const shapes = (version: string) => fileURLToPath(new URL(`../fixtures/shapes-tiny/${version}`, import.meta.url));

interface InstallationRow {
  installationId: string;
  device: string;
  state: InstallationState;
  version: string;
}
interface Device {
  online: boolean;
  running: { version: string }[];
  installations: InstallationRow[];
}

let fleet: Fleet;
let server: RunningServer;

beforeEach(async () => {
  fleet = new Fleet();
  server = await fleet.server();
});
afterEach(() => fleet.end());

const device = async (name: string) => (await server.call('GET', `/v1/devices/${name}`)).body as Device;
const stateOf = async (name: string) => (await device(name)).installations[0]?.state;
const runs = (name: string, version: string) =>
  until(`${name} to run ${version}`, 60_000, async () =>
    (await device(name)).running.some((model) => model.version === version),
  );

async function rollOut(version: string, to = 'all', more: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await server.call('POST', '/v1/rollouts', { model: 'shapes-tiny', version, to, ...more });
  expect(status, JSON.stringify(body)).toBe(201);
  return (body as { rolloutId: string }).rolloutId;
}

const ends = (rolloutId: string) =>
  until(`rollout ${rolloutId} to end`, 90_000, async () => {
    const { state } = (await server.call('GET', `/v1/rollouts/${rolloutId}`)).body as { state: string };
    return ['SUCCEEDED', 'STOPPED', 'ABORTED'].includes(state) && state;
  });

/** Every transition that the server stored is legal, follows the one before it, and stands there once. */
function checkTransitions(): number {
  const database = new Database(join(server.data, 'stillhouse.db'), { readonly: true });
  const rows = database
    .prepare('select installation_id as id, from_state as "from", to_state as "to" from transitions order by rowid')
    .all() as { id: string; from: InstallationState; to: InstallationState }[];
  database.close();
  const at = new Map<string, InstallationState>();
  for (const { id, from, to } of rows) {
    const before = at.get(id) ?? 'QUEUED';
    expect(from, `${id} ${from} → ${to}`).toBe(before);
    expect(step(installationTable, from, to).kind, `${id} ${from} → ${to}`).toBe('moved');
    at.set(id, to);
  }
  return rows.length;
}

/** A copy of a version with a large file in it, so that its download takes a while. */
function heavy(version: string, bytes: number): string {
  const folder = join(fleet.folder, `heavy-${version}`);
  cpSync(shapes(version), folder, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  const ballast = randomBytes(bytes);
  const path = `${manifest.variants[0]?.folder}/ballast.bin`;
  writeFileSync(join(folder, path), ballast);
  manifest.artifacts.push({ path, sha256: createHash('sha256').update(ballast).digest('hex'), sizeBytes: bytes });
  manifest.variants[0]?.artifacts.push(path);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

const enginesOf = (agent: Running): number[] => {
  const children = readFileSync(`/proc/${agent.process.pid}/task/${agent.process.pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
};

describe('SIGKILL of the agent', () => {
  it.each<InstallationState>(['DOWNLOADING', 'ACTIVATING', 'PROBING'])(
    'in %s: it comes back and commits',
    async (state) => {
      await publish(server, heavy('1.0.0', 64 * 1024 * 1024));
      const token = await createToken(server);
      const first = await fleet.agent(server, 'pi', { token });
      const rollout = await rollOut('1.0.0');
      const order: (InstallationState | undefined)[] = [state, 'COMMITTED'];
      const seen = await until(`the state ${state}`, 60_000, async () => {
        const now = await stateOf('pi');
        return order.includes(now) && now;
      });
      await first.kill();
      await fleet.agent(server, 'pi');
      await runs('pi', '1.0.0').catch(async (error) => {
        // A device that was killed while it switched may return to what it ran (nothing) instead; then it says so.
        if ((await stateOf('pi')) !== 'ROLLED_BACK') throw error;
      });
      const outcome = await ends(rollout);
      expect(seen === 'COMMITTED' || ['SUCCEEDED', 'STOPPED'].includes(outcome)).toBe(true);
      expect(checkTransitions()).toBeGreaterThan(5);
    },
  );

  it('while it makes a picture: the request ends, and the next one is served', async () => {
    await publish(server, shapes('1.0.0'));
    const first = await fleet.agent(server, 'pi', { token: await createToken(server) });
    await rollOut('1.0.0');
    await runs('pi', '1.0.0');
    const ask = async (prompt: string) =>
      (
        (await server.call('POST', '/v1/pictures', { device: 'pi', prompt, seed: 1, steps: 150, timeoutMs: 60_000 }))
          .body as { pictureId: string }
      ).pictureId;
    const show = async (id: string) => (await server.call('GET', `/v1/pictures/${id}`)).body as { state: string };
    const interrupted = await ask('a red circle on white background');
    await until('the work to begin', 20_000, async () => (await show(interrupted)).state !== 'QUEUED');
    await first.kill();
    await fleet.agent(server, 'pi');
    await until('the first request to end', 70_000, async () =>
      ['SUCCEEDED', 'FAILED', 'TIMED_OUT'].includes((await show(interrupted)).state),
    );
    const next = await ask('a red circle on white background');
    await until('the next picture', 60_000, async () => (await show(next)).state === 'SUCCEEDED');
  });
});

describe('SIGKILL of an engine', () => {
  it('leaves the agent alive, and the next picture comes', async () => {
    await publish(server, shapes('1.0.0'));
    const agent = await fleet.agent(server, 'pi', { token: await createToken(server) });
    await rollOut('1.0.0');
    await runs('pi', '1.0.0');
    const ask = async () => {
      const { body } = await server.call('POST', '/v1/pictures', { device: 'pi', prompt: 'a circle', seed: 2 });
      const { pictureId } = body as { pictureId: string };
      return until('the picture', 60_000, async () => {
        const view = (await server.call('GET', `/v1/pictures/${pictureId}`)).body as {
          state: string;
          result: { sha256: string } | null;
        };
        return ['SUCCEEDED', 'FAILED'].includes(view.state) && view;
      });
    };
    const before = await ask();
    for (const pid of enginesOf(agent)) process.kill(pid, 'SIGKILL');
    const after = await ask();
    expect(after).toMatchObject({ state: 'SUCCEEDED', result: { sha256: before.result?.sha256 } });
    expect(agent.process.exitCode).toBeNull();
  });
});

describe('SIGKILL of the server', () => {
  it('in mid-rollout: it goes on where it stood', async () => {
    await publish(server, shapes('1.0.0'));
    const token = await createToken(server, { uses: 3 });
    const agents = await Promise.all(['pi-a', 'pi-b', 'pi-c'].map((name) => fleet.agent(server, name, { token })));
    const rollout = await rollOut('1.0.0', 'all', { waves: ['1', '100%'] });
    await until('the first device to be under way', 30_000, async () =>
      (await Promise.all(['pi-a', 'pi-b', 'pi-c'].map(stateOf))).some((state) => state && state !== 'QUEUED'),
    );
    const { url, mqttUrl, data } = server;
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    server = await fleet.server({ data, http: new URL(url).host, mqtt: new URL(mqttUrl).host });
    expect(await ends(rollout)).toBe('SUCCEEDED');
    for (const name of ['pi-a', 'pi-b', 'pi-c']) await runs(name, '1.0.0');
    checkTransitions();
    for (const agent of agents) expect(agent.process.exitCode).toBeNull();
  });
});

describe('SIGTERM', () => {
  it('ends agent and server in order, and the server knows that the device went', async () => {
    const agent = await fleet.agent(server, 'pi', { token: await createToken(server) });
    await until('the device to be online', 10_000, async () => (await device('pi')).online);
    expect(await agent.stop()).toBe(0);
    await until('the device to be offline', 5000, async () => !(await device('pi')).online);
    expect(await server.stop()).toBe(0);
  });
});

describe('Ctrl-C that is heard twice', () => {
  it('ends agent and server in order', async () => {
    const agent = await fleet.agent(server, 'pi', { token: await createToken(server) });
    for (const { process, log } of [agent, server]) {
      const ended = once(process, 'exit');
      process.kill('SIGINT');
      await sleep(5);
      process.kill('SIGINT');
      expect([...(await ended), log()]).toEqual([0, null, expect.stringContaining('stopping')]);
    }
  });
});
