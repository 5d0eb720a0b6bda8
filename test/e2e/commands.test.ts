// The whole job by the command line, word for word as the README tells it: real server, real agents, a real model.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet, type RunningServer, until } from './fleet.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = join(root, 'test/fixtures/shapes-tiny');
const names = ['pi-kitchen', 'pi-hall', 'pi-desk'];
const fleet = new Fleet();
let server: RunningServer;

async function json<T>(args: readonly string[], expectedCode = 0): Promise<T> {
  const ran = await server.still([...args, '--json']);
  expect({ args, ...ran }).toMatchObject({ code: expectedCode });
  return JSON.parse(ran.stdout) as T;
}

beforeAll(async () => {
  server = await fleet.server();
  const { token } = await json<{ token: string }>(['token', 'create', '--uses', '3', '--expires', '1h']);
  await Promise.all(names.map((name) => fleet.agent(server, name, { token, args: ['--label', 'site=home'] })));
});
afterAll(() => fleet.end());

describe('the main job', () => {
  it('publishes two versions, the second time without sending a byte', async () => {
    for (const version of ['1.0.0', '1.1.0']) {
      const published = await json<{ model: string; version: string; versionDigest: string }>([
        'publish',
        join(fixtures, version),
      ]);
      expect(published).toMatchObject({
        model: 'shapes-tiny',
        version,
        versionDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    }
    expect(await json(['publish', join(fixtures, '1.0.0')])).toMatchObject({ uploadedBytes: 0 });
  });

  it('lists the devices by name, online and labelled', async () => {
    const devices = await until('all to be online', 20_000, async () => {
      const list = await json<
        { name: string; online: boolean; deviceClass: string; labels: Record<string, string>; running: unknown[] }[]
      >(['devices']);
      return list.every(({ online }) => online) && list;
    });
    expect(devices.map(({ name }) => name).sort()).toEqual([...names].sort());
    for (const device of devices)
      expect(device).toMatchObject({
        labels: { site: 'home' },
        running: [],
        deviceClass: expect.stringMatching(/-\d+gb$/),
      });
  });

  it('rolls out in waves behind gates', async () => {
    const rollout = await json<{
      state: string;
      waves: { state: string; gates: { verdict: string }[] }[];
      installations: { state: string }[];
    }>([
      ...['rollout', 'start', 'shapes-tiny@1.0.0', '--to', 'site=home', '--waves', '1,100%'],
      ...['--gate', 'quality>=2', '--gate', 'memory.peak<=2GB', '--wait'],
    ]);
    expect(rollout.state).toBe('SUCCEEDED');
    expect(rollout.waves.map(({ state }) => state)).toEqual(['PASSED', 'PASSED']);
    expect(rollout.waves.flatMap(({ gates }) => gates.map(({ verdict }) => verdict))).not.toContain('fail');
    expect(rollout.installations.map(({ state }) => state)).toEqual(['COMMITTED', 'COMMITTED', 'COMMITTED']);
    const devices = await json<{ running: { version: string }[] }[]>(['devices']);
    for (const { running } of devices) expect(running).toMatchObject([{ model: 'shapes-tiny', version: '1.0.0' }]);
  });

  it('stops at a gate that cannot be met, and returns the device', async () => {
    const rollout = await json<{ state: string; explanation: string; waves: { state: string }[] }>(
      [
        'rollout',
        'start',
        'shapes-tiny@1.1.0',
        '--to',
        'all',
        '--waves',
        '1,100%',
        '--gate',
        'latency.p50<=0.001ms',
        '--wait',
      ],
      1,
    );
    expect(rollout.state).toBe('STOPPED');
    expect(rollout.waves.map(({ state }) => state)).toEqual(['FAILED', 'CANCELED']);
    expect(rollout.explanation).toMatch(/latency\.p50/);
    const devices = await json<{ running: { version: string }[] }[]>(['devices']);
    for (const { running } of devices) expect(running).toMatchObject([{ version: '1.0.0' }]);
  });

  it('rolls the second version out after all, benches it, and tables what was measured', async () => {
    expect(await json(['rollout', 'start', 'shapes-tiny@1.1.0', '--to', 'all', '--wait'])).toMatchObject({
      state: 'SUCCEEDED',
    });
    for (const name of names) {
      const bench = await json<{ state: string; result: { quality: { score: number }; samples: unknown[] } }>([
        'bench',
        name,
        'shapes-tiny@1.1.0',
        '--mode',
        'quick',
        '--wait',
      ]);
      expect(bench).toMatchObject({ state: 'SUCCEEDED', device: name, result: { mode: 'quick', version: '1.1.0' } });
      expect(bench.result.samples.length).toBeGreaterThanOrEqual(8);
    }
    const table = await json<Record<string, unknown>[]>(['table']);
    expect(
      table
        .filter(({ version }) => version === '1.1.0')
        .map(({ device }) => device)
        .sort(),
    ).toEqual([...names].sort());
    for (const row of table) {
      expect(row).toMatchObject({
        parameters: expect.any(Number),
        latencyMsP50: expect.any(Number),
        peakRssBytes: expect.any(Number),
      });
      expect(row.quality).toBeGreaterThan(2);
    }
    const text = await server.still(['table']);
    expect(text.stdout).toContain('pi-kitchen');
  });

  it('compares the two versions on a device, and hands out the raw samples', async () => {
    type Run = { benchRunId: string; requestedAtMs: number; comparison: Compared };
    type Compared = { verdict: { kind: string }; pairsMs: unknown[] };
    const run = await json<Run>([
      ...[
        'bench',
        'compare',
        'shapes-tiny@1.0.0',
        'shapes-tiny@1.1.0',
        'pi-desk',
        '--mode',
        'rapid',
        '--timeout',
        '5m',
      ],
    ]);
    expect(run).toMatchObject({ mode: 'rapid', deadlineMs: run.requestedAtMs + 300_000 });
    expect(['a-faster', 'b-faster', 'equal', 'unknown']).toContain(run.comparison.verdict.kind);
    const samples = await server.still(['bench', 'samples', run.benchRunId]);
    expect(samples.stdout.trim().split('\n')).toHaveLength(run.comparison.pairsMs.length + 1);
    const absent = await server.still(['bench', 'compare', 'shapes-tiny@1.0.0', 'shapes-tiny@9.9.9', 'pi-desk']);
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('shapes-tiny@9.9.9 is not published') });
    const runs = await json<{ benchRunId: string; result: unknown }[]>(['bench', 'samples', run.benchRunId]);
    expect(runs).toEqual(run.comparison.pairsMs);
  });

  it('cancels a bench run, and tells one that has ended', async () => {
    const asked = await server.still(['bench', 'pi-kitchen', 'shapes-tiny@1.1.0', '--mode', 'full', '--json']);
    const { benchRunId } = JSON.parse(asked.stdout) as { benchRunId: string };
    const canceled = await server.still(['bench', 'cancel', benchRunId]);
    expect(canceled).toMatchObject({ code: 0, stdout: `Canceled ${benchRunId} on pi-kitchen.\n` });
    await expect
      .poll(async () => (await server.call('GET', `/v1/bench-runs/${benchRunId}`)).body, { timeout: 10_000 })
      .toMatchObject({ state: 'CANCELED' });
    const runs = (await server.call('GET', '/v1/bench-runs')).body as { benchRunId: string; state: string }[];
    const done = runs.find(({ state }) => state === 'SUCCEEDED')?.benchRunId ?? '';
    expect((await server.still(['bench', 'cancel', done])).stdout).toMatch(/^It had ended SUCCEEDED before: /);
    const unknown = benchRunId.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect(await server.still(['bench', 'cancel', unknown])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no bench run '),
    });
  });

  it('says of a picture that was canceled that there is none, and not that it may come', async () => {
    const asked = await server.call('POST', '/v1/pictures', { device: 'pi-kitchen', prompt: 'a circle', steps: 200 });
    const { pictureId } = asked.body as { pictureId: string };
    await server.call('POST', `/v1/pictures/${pictureId}/cancel`);
    const { status, body } = await server.call('GET', `/v1/pictures/${pictureId}/content`);
    expect({ status, ...(body as object) }).toMatchObject({
      status: 404,
      detail: `picture ${pictureId} is CANCELED; there is nothing to see`,
    });
  });

  it('fetches the same bytes for the same prompt and seed, from any device, and others for another seed', async () => {
    const picture = async (name: string, seed: string, file: string) => {
      await json(['picture', name, 'a red circle on white background', '--seed', seed, '-o', join(fleet.folder, file)]);
      return readFileSync(join(fleet.folder, file));
    };
    const first = await picture('pi-kitchen', '42', 'a.png');
    expect(first.subarray(1, 4).toString()).toBe('PNG');
    expect(await picture('pi-kitchen', '42', 'b.png')).toEqual(first);
    expect(await picture('pi-hall', '42', 'c.png')).toEqual(first);
    expect(await picture('pi-kitchen', '43', 'd.png')).not.toEqual(first);
  });
});

describe('when something is wrong', () => {
  it.each<[string, string[], number, RegExp]>([
    ['an unknown command', ['frobnicate'], 2, /unknown command/i],
    ['an unknown device', ['picture', 'pi-attic', 'a circle', '-o', 'x.png'], 1, /pi-attic/],
    [
      'an unreadable gate',
      ['rollout', 'start', 'shapes-tiny@1.0.0', '--to', 'all', '--gate', 'quality>=high'],
      2,
      /no number/,
    ],
    ['a version that is none', ['bench', 'pi-kitchen', 'shapes-tiny', '--mode', 'quick'], 2, /MODEL@VERSION/],
    ['a folder without a manifest', ['publish', '.'], 2, /manifest\.json/],
    ['a seed that is none', ['picture', 'pi-kitchen', 'a circle', '--seed', 'x'], 2, /seed/],
  ])('says so: %s', async (_, args, code, why) => {
    const ran = await server.still(args);
    expect(ran).toMatchObject({ code, stderr: expect.stringMatching(why) });
    expect(ran.stderr).not.toMatch(/\n\s+at /);
    expect(existsSync(join(fleet.folder, 'x.png'))).toBe(false);
  });

  it('a plan that would be refused ends as the rollout itself would', async () => {
    const start = (...more: string[]) =>
      server.still(['rollout', 'start', 'shapes-tiny@1.0.0', '--to', 'all', ...more, '--dry-run']);
    expect(await start()).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was started') });
    const refused = await start('--variant', 'openvino-int4');
    expect(refused).toMatchObject({ code: 4, stdout: expect.stringContaining('It would be refused: no variant fits') });
    expect((await start('--variant', 'openvino-int4', '--json')).code).toBe(4);
  });

  it('tells a server that does not answer from a key that is refused', async () => {
    expect((await server.still(['devices'], { STILL_SERVER: 'http://127.0.0.1:9' })).code).toBe(3);
    expect((await server.still(['devices'], { STILL_KEY: 'sk_key_wrong' })).code).toBe(4);
  });
});
