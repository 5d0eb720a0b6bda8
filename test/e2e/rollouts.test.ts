// Rollouts by the command line over real processes: pace, retries, shadows and their promotion, two operators, takeover
// by priority, and why a device runs what it runs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RolloutView } from '../../shared/http-api.ts';
import { Fleet, type Running, type RunningServer, until } from './fleet.ts';
import { publish } from './publish.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = ['pi-one', 'pi-two'] as const;
const PATIENCE_MS = 120_000;
const fleet = new Fleet();
const agents = new Map<string, Running>();
let server: RunningServer;

const still = (...args: string[]) => server.still(args);

async function json<T = RolloutView>(...args: string[]): Promise<T> {
  const ran = await still(...args, '--json');
  expect({ args, ...ran }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout) as T;
}

const picture = (device: string, seed: number) =>
  json<{ version: string }>(
    ...['picture', device, 'a red circle', '--seed', String(seed), '-o', join(fleet.folder, `${device}-${seed}.png`)],
  );
const show = (id: string) => json('rollout', 'show', id);

beforeAll(async () => {
  server = await fleet.server();
  for (const version of ['1.0.0', '1.1.0'])
    expect((await publish(server, join(root, 'test/fixtures/shapes-tiny', version))).status).toBe(201);
  const { token } = await json<{ token: string }>('token', 'create', '--uses', '2');
  for (const name of names) agents.set(name, await fleet.agent(server, name, { token }));
});
afterAll(() => fleet.end());

it('keeps to its pace: one device at a time, each told how fast it may download', async () => {
  const start = ['rollout', 'start', 'shapes-tiny@1.0.0', '--to', 'all', '--max-in-flight', '1'];
  const rollout = await json(...start, '--bandwidth', '5MB', '--wait');
  expect(rollout).toMatchObject({ state: 'SUCCEEDED', pace: { maxInFlight: 1, downloadBytesPerSecond: 5e6 } });
  const database = new Database(join(server.data, 'stillhouse.db'), { readonly: true });
  const spans = database.prepare('SELECT created_ms, since_ms FROM installations ORDER BY created_ms').all() as {
    created_ms: number;
    since_ms: number;
  }[];
  database.close();
  expect(spans).toHaveLength(2);
  expect(spans[1]?.created_ms).toBeGreaterThanOrEqual(spans[0]?.since_ms ?? Infinity);
});

it('runs a shadow beside it, compares both on the same requests, and promotes it without a request that fails', async () => {
  const start = ['rollout', 'start', 'shapes-tiny@1.1.0', '--to', 'pi-one', '--shadow', '--wait'];
  const { rolloutId, state } = await json(...start);
  expect(state).toBe('SUCCEEDED');
  let seed = 0;
  const compared = await until('two comparisons', PATIENCE_MS, async () => {
    expect((await picture('pi-one', seed++)).version).toBe('1.0.0');
    const { shadows } = await show(rolloutId);
    return (shadows[0]?.pairs ?? 0) >= 2 && shadows[0];
  });
  expect(compared).toMatchObject({ device: 'pi-one', against: '1.0.0', latencyRatio: expect.any(Number) });
  expect(compared.sameLabels).toEqual(expect.any(Number));
  expect((await still('devices', 'show', 'pi-one')).stdout).toMatch(/shadow +shapes-tiny@1\.1\.0: beside 1\.0\.0, \d/);
  const engines = childrenOf(agents.get('pi-one'));

  const blind = await still('rollout', 'promote', rolloutId, '--expect', 'RUNNING');
  expect(blind.code).toBe(4);
  expect(blind.stderr).toMatch(/is SUCCEEDED at revision \d+.*you expected RUNNING/s);

  const asking = until('the promoted version to answer', PATIENCE_MS, async () => {
    const { version } = await picture('pi-one', seed++);
    return version === '1.1.0';
  });
  await json('rollout', 'promote', rolloutId);
  await asking;
  const { running } = await json<{ running: { version: string; role: string }[] }>('devices', 'show', 'pi-one');
  expect(running).toMatchObject([{ version: '1.1.0', role: 'current' }]);
  // The engine that answers now is one of those that were there.
  for (const pid of childrenOf(agents.get('pi-one'))) expect(engines).toContain(pid);
});

it('tries again on a device whose engine was killed in the midst', async () => {
  const { rolloutId } = await json(
    ...['rollout', 'start', 'shapes-tiny@1.1.0', '--to', 'pi-two', '--retries', '1', '--wave-deadline', '30m'],
  );
  await until('the first attempt to fail', PATIENCE_MS, async () => {
    const { state } = (await show(rolloutId)).installations[0] ?? {};
    if (state === 'ACTIVATING' || state === 'PROBING')
      for (const pid of childrenOf(agents.get('pi-two'))) process.kill(pid, 'SIGKILL');
    return state === 'ROLLED_BACK';
  });
  const ended = await until('the second attempt', PATIENCE_MS, async () => {
    const rollout = await show(rolloutId);
    return rollout.endedAtMs !== null && rollout;
  });
  expect(ended.state).toBe('SUCCEEDED');
  expect(ended.installations.map(({ state }) => state)).toEqual(['ROLLED_BACK', 'COMMITTED']);
  expect((await still('rollout', 'history', rolloutId)).stdout).toMatch(/pi-two tries again: attempt 2 of 2/);
});

it('gives a device to one rollout: the second is refused, or takes it by priority; and says why it runs what it runs', async () => {
  await agents.get('pi-two')?.stop();
  const back = ['rollout', 'start', 'shapes-tiny@1.0.0', '--to', 'pi-two'];
  const first = await json(...back);
  const refused = await still(...back);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(new RegExp(`pi-two already belongs to rollout ${first.rolloutId}`));
  const second = await json(...back, '--priority', '5');
  agents.set('pi-two', await fleet.agent(server, 'pi-two'));
  const ended = await until('the second rollout to end', PATIENCE_MS, async () => {
    const rollout = await show(second.rolloutId);
    return rollout.endedAtMs !== null && rollout;
  });
  expect(ended.state).toBe('SUCCEEDED');
  const why = (await still('devices', 'show', 'pi-two', '--why')).stdout;
  expect(why).toContain(second.rolloutId);
  expect(why).toMatch(/variant onnxruntime-fp16/);
  expect(why).toMatch(/1\.0\.0 COMMITTED/);
});

/** Ids of the processes that an agent started and that live. */
function childrenOf(agent: Running | undefined): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => parentOf(pid) === agent?.process.pid);
}

function parentOf(pid: number): number | null {
  try {
    // The name may hold spaces and brackets; the parent stands second behind its end (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}
