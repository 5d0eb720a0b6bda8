// The demo as a newcomer starts it: it must tell a true story, tell it again from where it ended, and leave nothing behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from './fleet.ts';

const still = fileURLToPath(new URL('../../shared/bin/still.js', import.meta.url));
const models = fileURLToPath(new URL('../fixtures/shapes-tiny', import.meta.url));
const STORY_MS = 120_000;

interface Told {
  readonly devices: string[];
  readonly rollouts: { version: string; state: string }[];
  readonly stopped: { version: string; state: string; explanation: string; installations: { device: string }[] };
  readonly table: { device: string; version: string; quality: number; parameters: number; latencyMsP50: number }[];
  readonly picture: { file: string; sha256: string; device: string };
  readonly tookMs: number;
}

let folder = '';
const started: ChildProcess[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-demo-'));
});
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function demo(...args: string[]): ChildProcess {
  const all = [still, 'demo', '--data', folder, '--models', models, ...args];
  const child = spawn(process.execPath, all, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  started.push(child);
  return child;
}

async function tell(): Promise<{ told: Told; lines: string }> {
  const child = demo('--once', '--json');
  const [[code], output, lines] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  expect(code, lines).toBe(0);
  return { told: JSON.parse(output) as Told, lines };
}

/** Every process whose command line names the demo's folder. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(folder) ? [command] : [];
      } catch {
        return []; // It ended between the two looks.
      }
    });
}

function rows<T>(sql: string): T[] {
  const database = new Database(join(folder, 'server', 'stillhouse.db'), { readonly: true });
  try {
    return database.prepare(sql).all() as T[];
  } finally {
    database.close();
  }
}

const digestOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

let firstPicture = '';

it('tells the whole story, and it is true', { timeout: STORY_MS + 30_000 }, async () => {
  const { told, lines } = await tell();
  expect(told.devices).toEqual(['pi-kitchen', 'pi-hall', 'pi-desk']);
  expect(told.rollouts.map(({ version, state }) => `${version} ${state}`)).toEqual([
    '1.0.0 SUCCEEDED',
    '1.1.0 SUCCEEDED',
  ]);
  expect(told.stopped).toMatchObject({
    version: '1.2.0',
    state: 'STOPPED',
    explanation: expect.stringContaining('quality'),
  });
  expect(new Set(told.stopped.installations.map(({ device }) => device)).size).toBe(1);
  for (const device of told.devices)
    expect(told.table.filter((row) => row.device === device).map(({ version }) => version)).toContain('1.1.0');
  expect(digestOf(told.picture.file)).toBe(told.picture.sha256);
  firstPicture = told.picture.sha256;
  expect(told.tookMs).toBeLessThan(STORY_MS);
  expect(lines).toContain('saved');
  expect(lines.match(/^\d {2}\S.*$/gm)?.length, lines).toBeGreaterThanOrEqual(7);
  const states = rows<{ state: string }>('select state from rollouts order by started_ms').map(({ state }) => state);
  expect(states).toEqual(['SUCCEEDED', 'SUCCEEDED', 'STOPPED']);
  expect(processes()).toEqual([]);
});

it('goes on with the same fleet at the next start', { timeout: STORY_MS + 30_000 }, async () => {
  const before = rows<{ name: string; device_id: string }>('select name, device_id from devices order by name');
  const { told, lines } = await tell();
  expect(rows('select name, device_id from devices order by name')).toEqual(before);
  expect(lines).toContain('since an earlier start');
  expect(told.rollouts).toEqual([]);
  expect(told.stopped.state).toBe('STOPPED');
  expect(told.picture.sha256).toBe(firstPicture);
  expect(processes()).toEqual([]);
});

it('leaves no process behind, even when it is killed', { timeout: 60_000 }, async () => {
  const child = demo('--once');
  await until(
    'all four to run',
    30_000,
    () => processes().filter((line) => /still\.js (serve|agent)/.test(line)).length === 4,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until('all of them to end', 20_000, () => processes().length === 0);
});
