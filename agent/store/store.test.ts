import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredModel } from '../../shared/desired-state.ts';
import { limits } from '../../shared/limits.ts';
import { systemClock, systemRandomness } from '../system-clock.ts';
import { readCredential, writeCredential } from './credential.ts';
import { lockFolder } from './lock.ts';
import { openStore, type Store } from './open-store.ts';

const id = (kind: string, n: number) => `${kind}_${String(n).padStart(26, '0')}`;
const wanted = (n: number, more: Partial<DesiredModel> = {}): DesiredModel => ({
  installationId: id('ins', n),
  model: 'scenes',
  version: `1.0.${n}`,
  versionDigest: String(n).repeat(64).slice(0, 64),
  variant: 'onnxruntime-fp16',
  role: 'current',
  probe: 'probe',
  ...more,
});

let folder: string;
let store: Store;
let rings = 0;
const open = () => openStore({ folder, clock: systemClock, randomness: systemRandomness, onReport: () => rings++ });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-store-'));
  rings = 0;
  store = open();
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});
const reopen = () => {
  store.close();
  store = open();
};

describe('crashes of engines', () => {
  const place = { versionDigest: 'a'.repeat(64), variant: 'onnxruntime-fp16' };

  it('count at once, and are still owed to the disk when it was full', () => {
    for (let n = 0; n < 3; n++) store.crashes.note(place, `SIGKILL ${n}`);
    expect(store.crashes.quarantineOf(place)).toMatchObject({ crashes: 3, message: 'SIGKILL 2' });
    const database = new Database(join(folder, 'agent.db'));
    database.exec(`CREATE TRIGGER full BEFORE INSERT ON outgoing BEGIN SELECT RAISE(FAIL, 'disk is full'); END`);
    expect(() => store.crashes.write()).toThrow('disk is full');
    expect(database.prepare('SELECT count(*) FROM crashes').pluck().get()).toBe(0);
    database.exec('DROP TRIGGER full');
    database.close();
    store.crashes.write();
    store.crashes.write();
    reopen();
    expect(store.crashes.quarantineOf(place)).toMatchObject({ crashes: 3, message: 'SIGKILL 2' });
    expect(store.outgoing.after(0, 10)).toHaveLength(1);
    store.crashes.forgive(place);
    expect(store.crashes.quarantineOf(place)).toBeNull();
  });
});

describe('the desired state', () => {
  it('survives, and only a newer generation replaces it', () => {
    expect(store.desired.get()).toBeNull();
    expect(store.desired.put({ generation: 2, models: [wanted(1)] })).toBe(true);
    expect(store.desired.put({ generation: 2, models: [] })).toBe(false);
    expect(store.desired.put({ generation: 1, models: [] })).toBe(false);
    reopen();
    expect(store.desired.get()).toMatchObject({ generation: 2, models: [{ version: '1.0.1' }] });
  });
});

describe('installations', () => {
  it('walk the table, and each move is a report in the same transaction', () => {
    store.installations.accept(wanted(1));
    store.installations.accept(wanted(1));
    const installationId = id('ins', 1);
    expect(store.installations.move(installationId, 'DOWNLOADING')).toBe(true);
    const reason = { code: 'disk_full' as const, message: '5 bytes are missing' };
    expect(store.installations.move(installationId, 'FAILED', reason)).toBe(true);
    reopen();
    expect(store.installations.get(installationId)).toMatchObject({ state: 'FAILED', reason });
    expect(store.outgoing.after(0, 10).map(({ body }) => body)).toEqual([
      { kind: 'installation', installationId, from: 'NOTIFIED', to: 'DOWNLOADING' },
      { kind: 'installation', installationId, from: 'DOWNLOADING', to: 'FAILED', reason },
    ]);
  });

  it('refuse an edge that the table does not have, and change nothing', () => {
    store.installations.accept(wanted(1));
    expect(() => store.installations.move(id('ins', 1), 'COMMITTED')).toThrow('NOTIFIED to COMMITTED');
    expect(store.installations.get(id('ins', 1))?.state).toBe('NOTIFIED');
    expect(store.outgoing.size()).toBe(0);
  });

  it('never move again once they have ended', () => {
    store.installations.accept(wanted(1));
    store.installations.move(id('ins', 1), 'SUPERSEDED');
    expect(store.installations.move(id('ins', 1), 'DOWNLOADING')).toBe(false);
    store.installations.accept(wanted(1));
    expect(store.installations.get(id('ins', 1))?.state).toBe('SUPERSEDED');
    expect(store.outgoing.size()).toBe(1);
  });

  it('keep what is proven and how often work was begun over a restart, until the next state', () => {
    store.installations.accept(wanted(1));
    for (const state of ['DOWNLOADING', 'VERIFIED', 'STAGED', 'ACTIVATING', 'PROBING'] as const)
      store.installations.move(id('ins', 1), state);
    store.installations.begin(id('ins', 1));
    store.installations.markProven(id('ins', 1));
    store.installations.begin(id('ins', 1));
    reopen();
    expect(store.installations.get(id('ins', 1))).toMatchObject({ state: 'PROBING', proven: true, attempts: 1 });
    store.installations.move(id('ins', 1), 'COMMITTED');
    expect(store.installations.get(id('ins', 1))).toMatchObject({ proven: false, attempts: 0 });
  });

  it('are forgotten at last, but never while they are wanted', () => {
    for (let n = 0; n < 205; n++) {
      store.installations.accept(wanted(n));
      store.installations.move(id('ins', n), 'SUPERSEDED');
    }
    store.installations.forget(new Set([id('ins', 0)]));
    const left = store.installations.all().map(({ installationId }) => installationId);
    expect(left).toHaveLength(201);
    expect(left[0]).toBe(id('ins', 0));
    expect(left[1]).toBe(id('ins', 5));
  });
});

describe('places', () => {
  it('switch as one write and remember what ran before', () => {
    const place = (n: number) => ({ ...wanted(n), probe: undefined });
    store.places.switchTo(place(1));
    expect(store.places.before()).toEqual([]);
    store.places.switchTo(place(2));
    reopen();
    expect(store.places.running()).toMatchObject([{ installationId: id('ins', 2), version: '1.0.2' }]);
    expect(store.places.before()).toMatchObject([{ installationId: id('ins', 1), version: '1.0.1' }]);
    // The same version again under a new installation: the way back stays what it was.
    store.places.switchTo({ ...place(2), installationId: id('ins', 3) });
    expect(store.places.before()).toMatchObject([{ version: '1.0.1' }]);
    store.places.withdraw('scenes', 'current');
    expect([...store.places.running(), ...store.places.before()]).toEqual([]);
  });
});

describe('outgoing reports', () => {
  it('keep their order and never reuse a number', async () => {
    for (let n = 1; n <= 3; n++) store.outgoing.append({ kind: 'running', running: [] });
    store.outgoing.acknowledge(3);
    reopen();
    store.outgoing.append({ kind: 'running', running: [] });
    expect(store.outgoing.after(0, 10).map(({ seq }) => seq)).toEqual([4]);
    await Promise.resolve();
    expect(rings).toBe(4);
  });

  it('are told of after their transaction, which could still be taken back', async () => {
    store.transaction(() => {
      store.outgoing.append({ kind: 'running', running: [] });
      expect(rings).toBe(0);
    });
    await Promise.resolve();
    expect(rings).toBe(1);
  });

  it('carry the mark of their data folder, for its whole life', () => {
    store.outgoing.append({ kind: 'running', running: [] });
    const { outboxId } = store.outgoing;
    reopen();
    expect([store.outgoing.outboxId, store.outgoing.after(0, 1)[0]?.outboxId]).toEqual([outboxId, outboxId]);
    expect(outboxId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('vanish with the transaction that they belong to', () => {
    expect(() =>
      store.transaction(() => {
        store.installations.accept(wanted(1));
        store.installations.move(id('ins', 1), 'DOWNLOADING');
        throw new Error('power cut');
      }),
    ).toThrow('power cut');
    expect(store.outgoing.size()).toBe(0);
    expect(store.installations.get(id('ins', 1))).toBeNull();
  });

  it('stay within their bound: benches go first, what an installation did never', () => {
    const bench = { kind: 'job', jobId: id('brn', 1), to: 'SUCCEEDED', bench: {} } as never;
    store.transaction(() => {
      store.outgoing.append({ kind: 'installation', installationId: id('ins', 1), from: 'NOTIFIED', to: 'FAILED' });
      store.outgoing.append({ kind: 'running', running: [] });
      store.outgoing.append(bench);
      for (let n = 3; n < limits.agentOutboxRows; n++)
        store.outgoing.append({ kind: 'job', jobId: id('pic', n), to: 'RUNNING' });
    });
    store.outgoing.append({ kind: 'running', running: [] });
    expect(store.outgoing.size()).toBe(limits.agentOutboxRows);
    expect(store.outgoing.after(0, 4).map(({ seq }) => seq)).toEqual([1, 2, 4, 5]);
    store.outgoing.append({ kind: 'running', running: [] });
    expect(store.outgoing.after(0, 4).map(({ seq }) => seq)).toEqual([1, 2, 5, 6]);
  });
});

describe('jobs', () => {
  const picture = { kind: 'picture', request: { prompt: 'a fox', seed: 1 }, deadlineMs: 2_000_000_000_000 } as const;

  it('are taken, done and answered again by what is known', () => {
    const jobId = id('pic', 1);
    store.jobs.add(jobId, picture);
    store.jobs.move({ kind: 'job', jobId, to: 'RUNNING' });
    reopen();
    expect(store.jobs.open()).toMatchObject([
      { jobId, kind: 'picture', state: 'RUNNING', request: { prompt: 'a fox' } },
    ]);
    const reason = { code: 'engine_failed' as const, message: 'no' };
    store.jobs.move({ kind: 'job', jobId, to: 'FAILED', reason });
    expect(store.jobs.open()).toEqual([]);
    expect(store.jobs.move({ kind: 'job', jobId, to: 'SUCCEEDED' })).toBe(false);
    const before = store.outgoing.size();
    store.jobs.repeat(jobId);
    expect(store.outgoing.size(), 'still on its way').toBe(before);
    store.outgoing.acknowledge(before);
    store.jobs.repeat(jobId);
    expect(store.outgoing.after(0, 9).map(({ body }) => body)).toEqual([{ kind: 'job', jobId, to: 'FAILED', reason }]);
  });

  it('are forgotten at last, but not while they are open', () => {
    store.transaction(() => {
      for (let n = 0; n < 1010; n++) {
        store.jobs.add(id('pic', n), picture, n === 0 ? undefined : { code: 'queue_full', message: 'full' });
      }
    });
    expect(store.jobs.get(id('pic', 0))).not.toBeNull();
    expect(store.jobs.get(id('pic', 5))).toBeNull();
    expect(store.jobs.get(id('pic', 1009))).not.toBeNull();
  });
});

describe('the data folder', () => {
  it('is refused by an agent that is older than what wrote it', () => {
    store.close();
    const database = new Database(join(folder, 'agent.db'));
    const known = database.pragma('user_version', { simple: true });
    database.pragma('user_version = 99');
    database.close();
    expect(open).toThrow('newer agent');
    const again = new Database(join(folder, 'agent.db'));
    again.pragma(`user_version = ${known}`);
    again.close();
    store = open();
  });

  it('belongs to one agent at a time, and is free again when its process is killed', () => {
    const program = `
      import { lockFolder } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
      lockFolder(process.argv[1]);
      process.kill(process.pid, 'SIGKILL');`;
    const unlock = lockFolder(folder);
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', program, folder], {
        stdio: 'pipe',
        encoding: 'utf8',
      });
    expect(run).toThrow(/another agent already runs/);
    unlock();
    expect(run).toThrow(/SIGKILL|Command failed/);
    lockFolder(folder)();
  });

  it('keeps the credential readable by its owner only', () => {
    expect(readCredential(folder)).toBeNull();
    const credential = {
      deviceId: id('dev', 1),
      name: 'pi-kitchen',
      credential: 'sd_x',
      mqtt: { port: 1883, url: null },
    };
    writeCredential(folder, credential);
    expect(readCredential(folder)).toEqual(credential);
    expect(statSync(join(folder, 'credential.json')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, 'credential.json.new'))).toBe(false);
    writeFileSync(join(folder, 'credential.json'), '{"deviceId":');
    expect(() => readCredential(folder)).toThrow(/credential.json cannot be read .* enrol again/);
  });
});
