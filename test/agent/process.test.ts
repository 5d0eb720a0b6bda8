// The agent as a process: how it starts, what it refuses, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LittleServer } from './little-server.ts';

const main = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const fixture = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));

let folder: string;
let server: LittleServer;
const started: ChildProcess[] = [];
const until = <T>(ask: () => T) => vi.waitUntil(ask, { timeout: 20_000, interval: 10 });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-process-'));
  server = await new LittleServer().start();
});
afterEach(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  started.push(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const ended = once(child, 'close').then(() => child.exitCode);
  return { child, said, ended };
}
const data = () => join(folder, 'agent');
const usual = () => ['--server', server.url, '--data', data(), '--name', 'pi-kitchen'];
async function connected(args = [...usual(), '--token', server.token], env = {}) {
  const agent = run(args, env);
  await until(() => agent.said.out.includes('ready') || agent.child.exitCode !== null);
  expect(agent.said.out, agent.said.err).toMatch(/ready: pi-kitchen \(dev_/);
  return agent;
}

describe('the first start', () => {
  it('enrols, keeps the credential to itself, and needs no token again', async () => {
    const first = await connected();
    expect(statSync(join(data(), 'credential.json')).mode & 0o777).toBe(0o600);
    expect(server.hellos()[0]?.inventory).toMatchObject({ architecture: process.arch, agentVersion: '0.1.0' });
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    await until(() => server.heard.some(({ message }) => 'reason' in message && message.reason === 'shutdown'));
    const second = await connected([], {
      ...{ STILL_SERVER: server.url, STILL_DATA: data(), STILL_TOKEN: 'some old token' },
    });
    expect(second.said.err).toContain('the token is not used');
  });

  it('tells clearly that the server refused, with exit code 4', async () => {
    const agent = run([...usual(), '--token', 'wrong']);
    expect(await agent.ended).toBe(4);
    expect(agent.said.err).toMatch(/refuses to enrol "pi-kitchen": the token is not known or used up/);
    expect(existsSync(join(data(), 'credential.json'))).toBe(false);
  });

  it('waits for a server that is not there, says so, and ends when it is told to', async () => {
    const agent = run([...usual(), '--token', 'x', '--server', 'http://127.0.0.1:1']);
    await until(() => agent.said.err.includes('cannot be reached'));
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toBe(0);
  });

  it('tells a wrong option by its name, with exit code 2', async () => {
    const agent = run(['--server', 'x', '--data', data()]);
    expect(await agent.ended).toBe(2);
    expect(agent.said.err).toMatch(/--server "x" is no address/);
  });

  it('asks for a token and a name by their names', async () => {
    const noToken = run(['--server', server.url, '--data', data(), '--name', 'pi-kitchen']);
    expect(await noToken.ended).toBe(2);
    expect(noToken.said.err).toMatch(/--token is needed at the first start/);
    const noName = run(['--server', server.url, '--data', data(), '--token', 'x']);
    expect(await noName.ended).toBe(2);
    expect(noName.said.err).toMatch(/--name is needed at the first start/);
  });
});

describe('a data folder', () => {
  it('has one agent and one device', async () => {
    const first = await connected();
    const second = run([...usual()]);
    expect(await second.ended).toBe(4);
    expect(second.said.err).toContain('another agent already runs on');
    first.child.kill('SIGTERM');
    await first.ended;
    const other = run(['--server', server.url, '--data', data(), '--name', 'pi-hall']);
    expect(await other.ended).toBe(4);
    expect(other.said.err).toContain('belongs to the device "pi-kitchen"');
  });

  it('is taken up again after a kill', async () => {
    const first = await connected();
    first.child.kill('SIGKILL');
    await first.ended;
    await connected(usual());
  });
});

describe('the end', () => {
  it('leaves no engine behind, however it comes', async () => {
    const wish = server.wish(server.publish(fixture));
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const agent = await connected(existsSync(data()) ? usual() : undefined);
      if (signal === 'SIGTERM') server.desire(1, [wish]);
      await until(() => server.walk(wish.installationId).at(-1) === 'COMMITTED');
      const job = server.command({ kind: 'picture', request: { prompt: 'a red circle', seed: 1 } });
      await until(() => server.job(job).at(-1)?.to === 'SUCCEEDED');
      const engines = childrenOf(agent.child.pid ?? 0);
      expect(engines).toHaveLength(1);
      const startedAt = performance.now();
      agent.child.kill(signal);
      await agent.ended;
      expect(performance.now() - startedAt).toBeLessThan(5000);
      await until(() => engines.every((pid) => !existsSync(`/proc/${pid}`)));
    }
  });

  it('comes at once with a second signal', async () => {
    const agent = await connected();
    await server.stopBroker();
    agent.child.kill('SIGTERM');
    agent.child.kill('SIGTERM');
    await agent.ended;
    expect(agent.child.exitCode ?? 1).toBeLessThanOrEqual(1);
    await server.startBroker(0);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
