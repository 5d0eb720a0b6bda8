import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../agent/system-clock.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import { limits } from '../../shared/limits.ts';
import { FakeEngines } from './fake-engines.ts';
import { LittleServer, makeId } from './little-server.ts';
import { startAgent, type WholeAgent } from './whole-agent.ts';

const fixture = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));
const COMMITTED_WALK = ['DOWNLOADING', 'VERIFIED', 'STAGED', 'ACTIVATING', 'PROBING', 'COMMITTED'];

let folder: string;
let server: LittleServer;
let fake: FakeEngines;
let agent: WholeAgent;
let one: DesiredModel;
let two: DesiredModel;

const until = <T>(ask: () => T) => vi.waitUntil(ask, { timeout: 10_000, interval: 5 });
const isOver = (jobId: string) => server.job(jobId).some(({ to }) => to !== 'ACCEPTED' && to !== 'RUNNING');
const walked = (wish: DesiredModel, last: string) =>
  until(() => server.walk(wish.installationId).at(-1)?.startsWith(last));
const start = (onReport?: () => void) =>
  startAgent(server, fake, { folder: join(folder, 'agent'), ...(onReport && { onReport }) });
const picture = (more: object = {}) => ({ kind: 'picture', request: { prompt: 'a fox', seed: 42, ...more } });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-loop-'));
  server = await new LittleServer().start();
  fake = new FakeEngines();
  one = server.wish(server.publish(fixture));
  two = server.wish(server.publish(fixture, (manifest) => ({ ...manifest, version: '2.0.0' })));
  agent = start();
  await until(() => server.hellos().length > 0);
});
afterEach(async () => {
  await agent.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const roll = async (generation: number, wish: DesiredModel) => {
  server.desire(generation, [wish]);
  await walked(wish, 'COMMITTED');
};
const running = () =>
  server
    .reports()
    .flatMap(({ body }) => (body.kind === 'running' ? [body.running] : []))
    .at(-1);

describe('a rollout on the device', () => {
  it('walks every state, reports the probe before the end, and makes pictures', async () => {
    await roll(1, one);
    expect(server.walk(one.installationId)).toEqual(COMMITTED_WALK);
    await until(() => running());
    const kinds = server.reports().map(({ body }) => (body.kind === 'installation' ? body.to : body.kind));
    expect(kinds.slice(-3)).toEqual(['probe', 'COMMITTED', 'running']);
    expect(running()).toMatchObject([{ version: '1.0.0', installationId: one.installationId }]);

    const job = server.command(picture());
    await until(() => isOver(job));
    expect(server.job(job).map(({ to }) => to)).toEqual(['ACCEPTED', 'RUNNING', 'SUCCEEDED']);
    expect(String(server.pictures.get(job))).toBe('1.0.0 a fox 42');
    expect(server.job(job).at(-1)?.picture).toMatchObject({
      seed: 42,
      versionDigest: one.versionDigest,
      sizeBytes: 14,
    });
  });

  it('answers from before only where the request allows it, and takes requesters in turn', async () => {
    await roll(1, one);
    const ask = async (more: Record<string, unknown>) => {
      const job = server.command(picture(more));
      await until(() => isOver(job));
      return server.job(job).at(-1)?.picture?.cached ?? false;
    };
    const answers = [];
    for (const allowCached of [true, true, false, true]) answers.push(await ask({ allowCached }));
    expect(answers).toEqual([false, true, false, true]);
    expect(await ask({ allowCached: true, seed: 43 })).toBe(false);

    fake.pictureMs = 100;
    const order = ['a', 'a', 'a', 'b'].map((requestedBy, i) => server.command(picture({ requestedBy, seed: i })));
    await until(() => order.every(isOver));
    const begun = server
      .reports()
      .flatMap(({ body }) => (body.kind === 'job' && body.to === 'RUNNING' ? body.jobId : []));
    expect(begun.slice(-4)).toEqual([order[0], order[3], order[1], order[2]]);
  });

  it('leaves a version alone whose engine dies again and again, says so, also after a restart, until it is rolled out anew', async () => {
    await roll(1, one);
    fake.pictureMs = 50;
    for (let dead = 0; dead < 4; dead++) {
      const job = server.command(picture({ seed: dead }));
      await until(() => isOver(job) || fake.alive.size > 0);
      for (const engine of fake.alive) engine.die();
      await until(() => isOver(job));
    }
    await until(() => running()?.[0]?.quarantine !== undefined);
    expect(running()?.[0]?.quarantine).toMatchObject({ message: 'it ended by itself: SIGKILL' });
    await agent.stop();
    agent = start();
    const refused = server.command(picture());
    await until(() => isOver(refused));
    expect(server.job(refused).at(-1)).toMatchObject({ to: 'FAILED', reason: { message: /it is left alone for/ } });
  });

  it('keeps two versions, and takes the third one away', async () => {
    await roll(1, one);
    await roll(2, two);
    const three = server.wish(server.publish(fixture, (manifest) => ({ ...manifest, version: '3.0.0' })));
    await roll(3, three);
    const slots = () => readdirSync(join(folder, 'agent', 'slots')).map((name) => name.slice(0, 64));
    await until(() => slots().length === 2);
    expect(new Set(slots())).toEqual(new Set([two.versionDigest, three.versionDigest]));
    await until(() => !existsSync(join(folder, 'agent', 'blobs', one.versionDigest)));
    const fetched = server.artifactRequests.map(({ sha256 }) => sha256);
    expect(new Set(fetched).size, 'the same file is fetched once').toBe(fetched.length);
  });

  it('goes back to the version before under a new installation, without fetching anything', async () => {
    await roll(1, one);
    await roll(2, two);
    const fetched = server.artifactRequests.length;
    const back = { ...one, installationId: makeId('ins') };
    await roll(3, back);
    expect(server.walk(back.installationId)).toEqual(COMMITTED_WALK);
    expect(server.artifactRequests.length).toBe(fetched);
    await until(() => running()?.[0]?.installationId === back.installationId);
  });

  it('goes back to the version before under its old installation', async () => {
    await roll(1, one);
    await roll(2, two);
    server.desire(3, [one]);
    await until(() => running()?.[0]?.installationId === one.installationId);
    expect(server.walk(one.installationId)).toEqual(COMMITTED_WALK);
  });

  it.each([
    [
      'golden pictures that come out wrong',
      () => {
        fake.golden = 'different';
      },
      'ROLLED_BACK golden_mismatch',
    ],
    [
      'an engine that does not load',
      () => {
        fake.loadFault = 'bad graph';
      },
      'ROLLED_BACK load_failed',
    ],
  ])('rolls back over %s, and the old version goes on', async (_name, spoil, end) => {
    await roll(1, one);
    spoil();
    server.desire(2, [two]);
    await walked(two, 'ROLLED_BACK');
    expect(server.walk(two.installationId).at(-1)).toBe(end);
    fake.loadFault = null;
    const job = server.command(picture());
    await until(() => isOver(job));
    expect(String(server.pictures.get(job))).toBe('1.0.0 a fox 42');
    await until(() => readdirSync(join(folder, 'agent', 'slots')).length === 1);
  });

  it('refuses what needs more memory than there is, with the numbers', async () => {
    fake.memoryAvailableBytes = 1000;
    server.desire(1, [one]);
    await walked(one, 'REJECTED');
    const [report] = server.reports();
    expect(report?.body).toMatchObject({
      from: 'NOTIFIED',
      reason: { code: 'memory_insufficient', message: /1000 available/ },
    });
    expect(server.artifactRequests).toEqual([]);
  });

  it('drops what a newer generation no longer asks for, in the midst of its download', async () => {
    let isStuck = false;
    server.artifactFault = (_request, response, bytes) => {
      isStuck = true;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 10));
      return true;
    };
    server.desire(1, [one]);
    await until(() => isStuck);
    server.artifactFault = () => false;
    await roll(2, two);
    expect(server.walk(one.installationId).at(-1)).toBe('SUPERSEDED superseded');
    await until(() => agent.store.installations.open().length === 0);
  });

  it('makes pictures with the old version while the new one is still on its way', async () => {
    await roll(1, one);
    let isStuck = false;
    two = server.wish(server.publish(fixture, (manifest) => ({ ...manifest, version: '2.1.0' })));
    rmSync(join(folder, 'agent', 'blobs'), { recursive: true });
    cpSync(join(folder, 'agent', 'slots'), join(folder, 'agent', 'blobs'), { recursive: true });
    server.artifactFault = (_request, response, bytes) => {
      isStuck = true;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1));
      return true;
    };
    await agent.store.blobs.put(one.versionDigest, server.manifests.get(one.versionDigest) ?? '');
    server.desire(2, [two]);
    await until(() => isStuck);
    const job = server.command(picture());
    await until(() => isOver(job));
    expect(server.job(job).at(-1)?.to).toBe('SUCCEEDED');
    expect(server.walk(two.installationId)).toEqual(['DOWNLOADING']);
  });

  it('runs nothing more of a model that nobody asks for', async () => {
    await roll(1, one);
    server.desire(2, []);
    await until(() => running()?.length === 0);
    const job = server.command(picture());
    await until(() => isOver(job));
    expect(server.job(job).at(-1)).toMatchObject({ to: 'REJECTED', reason: { code: 'version_not_running' } });
    await until(() => readdirSync(join(folder, 'agent', 'blobs')).length === 0);
  });
});

describe('a device with little memory', () => {
  it('never holds two engines at once, and still serves pictures', async () => {
    await roll(1, one);
    const first = server.command(picture());
    await until(() => isOver(first));
    const [resident] = fake.alive;
    // What is available does not hold another engine; with what the old one gives back it does.
    const { peakRssBytes } = JSON.parse(server.manifests.get(two.versionDigest) ?? '').variants[0].measured;
    fake.memoryAvailableBytes = peakRssBytes - 500_000;
    fake.benchMs = 300;
    fake.mostAlive = 0;
    server.desire(2, [two]);
    await walked(two, 'PROBING');
    expect(fake.alive.has(resident as never)).toBe(false);
    const job = server.command(picture());
    await walked(two, 'COMMITTED');
    await until(() => isOver(job));
    expect(server.job(job).at(-1)?.to).toBe('SUCCEEDED');
    expect(fake.mostAlive).toBe(1);
  });
});

describe('a device with two models', () => {
  it('installs them one behind the other and makes pictures with the one that is named', async () => {
    const other = server.wish(server.publish(fixture, (manifest) => ({ ...manifest, model: 'scenes-other' })));
    server.desire(1, [one, other]);
    await walked(one, 'COMMITTED');
    await walked(other, 'COMMITTED');
    await until(() => running()?.length === 2);
    const named = server.command(picture({ model: 'scenes-other' }));
    await until(() => isOver(named));
    expect(server.job(named).at(-1)?.picture?.versionDigest).toBe(other.versionDigest);
    server.desire(2, [other]);
    await until(() => running()?.length === 1);
    await until(() => readdirSync(join(folder, 'agent', 'slots')).length === 1);
  });
});

describe('after a crash', () => {
  it('every state that was ever on the disk leads to the same end', async () => {
    await roll(1, one);
    await agent.stop();
    const snapshots: string[] = [];
    const snapshot = () =>
      queueMicrotask(() => {
        const copy = join(folder, `crashed-${snapshots.length}`);
        cpSync(join(folder, 'agent'), copy, { recursive: true });
        snapshots.push(copy);
      });
    agent = start(snapshot);
    await roll(2, two);
    await until(() => snapshots.length >= 7);
    await agent.stop();
    const heardBefore = server.heard.length;
    for (const copy of snapshots) {
      server.heard.length = heardBefore;
      agent = startAgent(server, fake, { folder: copy });
      const runs = () => agent.store.places.running()[0]?.installationId;
      expect([one.installationId, two.installationId]).toContain(runs());
      await until(() => runs() === two.installationId && agent.store.installations.open().length === 0);
      await until(() => agent.store.outgoing.size() === 0);
      expect(server.walk(two.installationId)).toEqual(COMMITTED_WALK);
      await agent.stop();
    }
    agent = start();
  });

  it('a picture that was under way is made again; one that kills the agent again and again is given up', async () => {
    await roll(1, one);
    fake.pictureMs = 60_000;
    const job = server.command(picture());
    await until(() => server.job(job).at(-1)?.to === 'RUNNING');
    const [crashed, twice] = [join(folder, 'crashed'), join(folder, 'twice')];
    cpSync(join(folder, 'agent'), crashed, { recursive: true });
    await agent.stop();

    agent = startAgent(server, fake, { folder: crashed });
    await until(() => agent.store.jobs.get(job)?.attempts === 2);
    cpSync(crashed, twice, { recursive: true });
    await agent.stop();

    agent = startAgent(server, fake, { folder: twice });
    await until(() => isOver(job));
    expect(server.job(job).at(-1)).toMatchObject({ to: 'FAILED', reason: { code: 'agent_restarted' } });
    await agent.stop();

    fake.pictureMs = 5;
    server.heard.length = 0;
    agent = startAgent(server, fake, { folder: crashed });
    await until(() => server.job(job).at(-1)?.to === 'SUCCEEDED');
  });
});

describe('jobs', () => {
  beforeEach(() => roll(1, one));

  it('are done once, however often they are asked for', async () => {
    const job = server.command(picture());
    await until(() => isOver(job));
    const reports = server.reports().length;
    server.command(picture(), { commandId: job });
    await until(() => server.reports().length > reports);
    expect(server.job(job).map(({ to }) => to)).toEqual(['ACCEPTED', 'RUNNING', 'SUCCEEDED', 'SUCCEEDED']);
    expect(fake.launches.filter((version) => version === '1.0.0').length).toBe(3);
  });

  it('are refused when they come too late', async () => {
    const job = server.command(picture(), { deadlineMs: -1 });
    await until(() => isOver(job));
    expect(server.job(job).at(-1)).toMatchObject({ to: 'TIMED_OUT', reason: { code: 'expired' } });
  });

  it('end at their deadline and at a cancel, and the next one is served', async () => {
    fake.pictureMs = 60_000;
    const late = server.command(picture(), { deadlineMs: 300 });
    await until(() => isOver(late));
    expect(server.job(late).at(-1)).toMatchObject({
      to: 'TIMED_OUT',
      reason: { code: 'expired', message: expect.stringContaining('while it ran, at denoise 1 of 2') },
    });
    const unwanted = server.command(picture());
    await until(() => server.job(unwanted).at(-1)?.to === 'RUNNING');
    server.command({ kind: 'cancel', jobId: unwanted }, { commandId: makeId('job') });
    await until(() => isOver(unwanted));
    expect(server.job(unwanted).at(-1)).toMatchObject({ to: 'CANCELED', reason: { code: 'canceled' } });
    fake.pictureMs = 5;
    const next = server.command(picture());
    await until(() => isOver(next));
    expect(server.job(next).at(-1)?.to).toBe('SUCCEEDED');
  });

  it('are answered when they were canceled before they came', async () => {
    const jobId = makeId('pic');
    server.command({ kind: 'cancel', jobId }, { commandId: makeId('job') });
    await until(() => isOver(jobId));
    expect(server.job(jobId)).toMatchObject([{ to: 'CANCELED' }]);
  });

  it('survive an engine that dies under them, once', async () => {
    fake.pictureMs = 200;
    const job = server.command(picture());
    await until(() => server.job(job).at(-1)?.to === 'RUNNING' && fake.alive.size > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const engine of fake.alive) engine.die();
    await until(() => isOver(job));
    expect(server.job(job).at(-1)?.to).toBe('SUCCEEDED');
  });

  it('say in which way the engine refused them', async () => {
    const job = server.command(picture({ prompt: 'x'.repeat(101) }));
    await until(() => isOver(job));
    expect(server.job(job).at(-1)).toMatchObject({ to: 'REJECTED', reason: { code: 'prompt_too_long' } });
    const other = server.command(picture({ model: 'scenes-other' }));
    await until(() => isOver(other));
    expect(server.job(other).at(-1)?.reason?.message).toMatch(
      /scenes-other does not run on this device .*shapes-tiny@1.0.0/,
    );
  });

  it('are refused beyond the bound', async () => {
    fake.pictureMs = 60_000;
    for (let n = 0; n < limits.jobsPerDevice; n++) server.command(picture());
    const tooMany = server.command(picture());
    await until(() => isOver(tooMany));
    expect(server.job(tooMany).at(-1)).toMatchObject({ to: 'REJECTED', reason: { code: 'queue_full' } });
    expect(agent.store.jobs.open()).toHaveLength(limits.jobsPerDevice);
  });

  it('bench what stands on the device, and refuse what does not', async () => {
    const request = { mode: 'quick', model: one.model, version: one.version, versionDigest: one.versionDigest };
    const bench = server.command({ kind: 'bench', request }, { commandId: makeId('brn') });
    await until(() => isOver(bench));
    expect(server.job(bench).at(-1)).toMatchObject({ to: 'SUCCEEDED', bench: { mode: 'quick', disturbances: [] } });
    const unknown = { ...request, versionDigest: 'f'.repeat(64), version: '9.0.0' };
    const refused = server.command({ kind: 'bench', request: unknown }, { commandId: makeId('brn') });
    await until(() => isOver(refused));
    expect(server.job(refused).at(-1)).toMatchObject({ to: 'REJECTED', reason: { code: 'version_not_running' } });
  });

  it('need not come before a probe and a bench tell what memory they take', async () => {
    const seen = (bytes: number) => ({ loadedBytes: 125e6, peaks: [{ pixels: 32 ** 2, bytes }] });
    expect(agent.store.memory.of(one)).toEqual(seen(130e6));
    fake.peakRssBytes = 140e6;
    const request = { mode: 'full', model: one.model, version: one.version, versionDigest: one.versionDigest };
    const bench = server.command({ kind: 'bench', request }, { commandId: makeId('brn') });
    await until(() => isOver(bench));
    expect(agent.store.memory.of(one)).toEqual(seen(140e6));
  });

  it('compare two versions only where both fit by what was seen of them', async () => {
    await roll(2, two);
    const of = ({ model, version, versionDigest }: DesiredModel) => ({ model, version, versionDigest });
    const compared = async (memoryAvailableBytes: number) => {
      fake.memoryAvailableBytes = memoryAvailableBytes;
      const request = { mode: 'quick', ...of(two), against: of(one) };
      const bench = server.command({ kind: 'bench', request }, { commandId: makeId('brn') });
      await until(() => isOver(bench));
      return server.job(bench).at(-1)?.reason;
    };
    expect(await compared(260e6)).toMatchObject({ message: 'these engines are not worth comparing' });
    expect(await compared(250e6)).toMatchObject({
      code: 'memory_insufficient',
      message: expect.stringContaining('need 260000000 bytes at their peak, 250000000 are available: 10000000 too few'),
    });
  });

  it('let a picture wait for the timed part of a bench, and no longer', async () => {
    fake.benchMs = 400;
    const request = { mode: 'quick', model: one.model, version: one.version, versionDigest: one.versionDigest };
    const bench = server.command({ kind: 'bench', request }, { commandId: makeId('brn') });
    await until(() => server.job(bench).at(-1)?.to === 'RUNNING');
    const job = server.command(picture());
    await until(() => isOver(job));
    expect(server.job(job).at(-1)?.to).toBe('SUCCEEDED');
    expect(fake.mostAlive).toBe(1);
  });
});

describe('a probe that hangs', () => {
  it('is ended at its deadline, its engine with it, and the version before goes on', async () => {
    await roll(1, one);
    await agent.stop();
    let ahead = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
    agent = startAgent(server, fake, { folder: join(folder, 'agent'), clock });
    fake.pictureMs = 3600_000;
    server.desire(2, [two]);
    await walked(two, 'PROBING');
    await until(() => fake.alive.size > 0);
    fake.pictureMs = 5;
    ahead = 2 * 3600_000 + 1;
    // Whatever comes wakes the loop; by itself it looks once a minute.
    server.command({ kind: 'cancel', jobId: makeId('pic') });
    await walked(two, 'ROLLED_BACK deadline_passed');
    await until(() => fake.alive.size === 0);
    const jobId = server.command(picture(), { deadlineMs: 24 * 3600_000 });
    await until(() => isOver(jobId));
    expect(server.job(jobId).at(-1)).toMatchObject({ to: 'SUCCEEDED', picture: { versionDigest: one.versionDigest } });
  });
});

describe('a version that runs as a shadow', () => {
  const shadows = () => server.reports().flatMap(({ body }) => (body.kind === 'shadow' ? [body] : []));
  const versionOf = (jobId: string) => server.pictures.get(jobId)?.toString().split(' ')[0];
  const ask = async () => {
    const jobId = server.command(picture());
    await until(() => isOver(jobId));
    return jobId;
  };

  it('answers what the current one answered, unseen, and is compared', async () => {
    await roll(1, one);
    server.desire(2, [one, { ...two, role: 'shadow' }]);
    await walked(two, 'COMMITTED');
    // The first picture of an engine is compared with nothing.
    await ask();
    expect(versionOf(await ask())).toBe(one.version);
    await until(() => shadows().length > 0);
    expect(shadows()[0]).toMatchObject({
      installationId: two.installationId,
      against: { version: one.version, versionDigest: one.versionDigest },
      latencyMs: [5, 5],
      ...{ meanAbsoluteDifference: 3, sameLabels: 1, adherence: null },
    });
    expect(server.pictures.size).toBe(2);
  });

  it('becomes current without a request that fails, and without another installation', async () => {
    await roll(1, one);
    const shadow = { ...two, role: 'shadow' as const };
    server.desire(2, [one, shadow]);
    await walked(two, 'COMMITTED');
    await ask();
    const asking = (async () => {
      const jobs: string[] = [];
      while (running()?.some(({ role }) => role === 'shadow') ?? true) jobs.push(await ask());
      for (let n = 0; n < 3; n++) jobs.push(await ask());
      return jobs;
    })();
    const launches = fake.launches.length;
    server.desire(3, [{ ...shadow, role: 'current' }]);
    const jobs = await asking;
    for (const jobId of jobs) expect(server.job(jobId).at(-1)).toMatchObject({ to: 'SUCCEEDED' });
    const versions = jobs.map(versionOf);
    expect(versions.at(-1)).toBe(two.version);
    expect(versions.toSorted()).toEqual(versions);
    expect(running()).toMatchObject([{ installationId: two.installationId, role: 'current' }]);
    expect(server.walk(two.installationId)).toEqual(COMMITTED_WALK);
    expect(fake.launches.slice(launches).filter((version) => version === two.version).length).toBeLessThanOrEqual(1);
    server.desire(4, [one]);
    await until(() => running()?.some(({ installationId }) => installationId === one.installationId));
  });
});
