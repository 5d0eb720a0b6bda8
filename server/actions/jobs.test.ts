// Requests for pictures and benches: asked, made, refused, canceled, expired.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { benchOf, type MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { runningFleet } from '../../test/server/running-fleet.ts';
import * as benchRuns from '../store/bench-runs.ts';
import { viewBenchRuns, viewPictures } from '../store/job-views.ts';
import * as jobs from '../store/jobs.ts';
import { seenPictures } from '../store/seen-pictures.ts';
import { cancelJob } from './cancel-job.ts';
import { expireJobs } from './expire-jobs.ts';
import { receivePicture } from './receive-picture.ts';
import { requestBench } from './request-bench.ts';
import { requestPicture } from './request-picture.ts';

const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('rest')]);
const sha256 = createHash('sha256').update(PNG).digest('hex');
let world: TestWorld;
let fast: MadeDevice;
let slow: MadeDevice;

beforeEach(async () => {
  world = await makeWorld();
  [fast, slow] = (await runningFleet(world, { fast: 100, slow: 1000 })) as [MadeDevice, MadeDevice];
  await publishMade(world, '2.0.0');
});
afterEach(() => world.end());

const order = (device: string, over = {}) =>
  requestPicture(world, { device, request: { prompt: 'a circle', seed: 1 }, actor: 'test', ...over });
const send = (device: MadeDevice, pictureId: string, bytes: Buffer = PNG) =>
  receivePicture(world, { pictureId, deviceId: device.deviceId, stream: Readable.from([bytes]) });
const done = (device: MadeDevice, jobId: string, over = {}) => {
  const versionDigest = device.running[0]?.versionDigest ?? '';
  const picture = {
    sha256,
    sizeBytes: PNG.length,
    latencyMs: 5,
    stagesMs: {},
    versionDigest,
    variant: 'v',
    seed: 1,
    steps: 4,
    width: 64,
    height: 64,
    ...over,
  };
  return device.report({ kind: 'job', jobId, to: 'SUCCEEDED', picture });
};
const asks = (request: object) => ({ request: { prompt: 'x', seed: 1, ...request } });
const find = async (id: string) => (await jobs.find(world.store.db, id)) as jobs.Job;

describe('a picture', () => {
  it('goes out as a command, comes in as a file, and is done by the report', async () => {
    const id = await order('fast');
    await fast.receive();
    expect(fast.commands).toMatchObject([
      { commandId: id, body: { kind: 'picture', request: { prompt: 'a circle', seed: 1 } } },
    ]);
    expect((await find(id)).state).toBe('SENT');
    await fast.report({ kind: 'job', jobId: id, to: 'ACCEPTED' });
    await fast.report({ kind: 'job', jobId: id, to: 'RUNNING' });
    await send(fast, id);
    await done(fast, id);
    const [view] = await viewPictures(world.store.db, [await find(id)]);
    expect(view).toMatchObject({
      state: 'SUCCEEDED',
      device: 'fast',
      result: {
        sha256,
        model: 'shapes',
        version: '1.0.0',
        unknownWords: [],
        promptCuts: [],
        literalWeights: [],
        stagesMs: {},
      },
    });
    await done(fast, id);
    await expect(send(fast, id)).rejects.toMatchObject({ code: 'gone' });
  });

  it('has a seed in any case', async () => {
    const id = await requestPicture(world, { device: 'fast', request: { prompt: 'a circle' }, actor: 'test' });
    expect((await find(id)).request).toMatchObject({ seed: expect.any(Number) });
  });

  it('is not done without its file, or with another one', async () => {
    const [without, other] = [await order('fast'), await order('fast')];
    await done(fast, without);
    expect(await find(without)).toMatchObject({ state: 'FAILED', reason: { code: 'upload_failed' } });
    await send(fast, other, Buffer.concat([PNG, PNG]));
    await done(fast, other);
    expect(await find(other)).toMatchObject({ state: 'FAILED', reason: { code: 'upload_failed' } });
  });

  it('is taken from its own device only, and only as a PNG', async () => {
    const id = await order('fast');
    await expect(send(slow, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(send(fast, id, Buffer.from('GIF89a'))).rejects.toMatchObject({ code: 'unprocessable' });
    await slow.report({ kind: 'job', jobId: id, to: 'FAILED' });
    expect((await find(id)).state).toBe('QUEUED');
  });

  it('for a selector goes where it is made soonest', async () => {
    const chosen: string[] = [];
    for (let i = 0; i < 11; i++) {
      const { deviceId } = await find(await order('site=home'));
      chosen.push(deviceId === fast.deviceId ? 'fast' : 'slow');
    }
    expect(chosen.slice(0, 9)).toEqual(Array(9).fill('fast'));
    expect(chosen).toContain('slow');
    await fast.goodbye();
    expect((await find(await order('site=home'))).deviceId).toBe(slow.deviceId);
    await slow.goodbye();
    await expect(order('site=home')).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringContaining('online'),
    });
  });

  it.each([
    ['nobody', {}, 'not_found', /no device "nobody"/],
    ['site=mars', {}, 'unprocessable', /no device matches .*"still devices" lists/],
    ['site=', {}, 'invalid_input', /position/],
    ['fast', asks({ version: '2.0.0' }), 'unprocessable', /fast runs no 2\.0\.0; roll it out there first/],
    [
      'fast',
      asks({ model: 'shapes', version: '9.0.0' }),
      'not_found',
      /shapes@9\.0\.0 is not published; .*still publish/,
    ],
    ['site=home', asks({ model: 'cats' }), 'not_found', /cats is not published/],
    [
      'site=home',
      asks({ model: 'shapes', version: '2.0.0' }),
      'unprocessable',
      /none of the devices .* runs shapes@2\.0\.0;/,
    ],
    [
      'fast',
      asks({ model: 'shapes', variant: 'openvino-fp16' }),
      'unprocessable',
      /has no variant "openvino-fp16"; there is /,
    ],
  ])('for %s %j is refused', async (device, over, code, message) => {
    await expect(order(device, over)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('for a selector leaves devices out where the version is quarantined, while it is', async () => {
    const untilMs = world.clock.now() + 60_000;
    const quarantine = { untilMs, crashes: 3, message: 'SIGSEGV' };
    await fast.run(fast.running.map((one) => ({ ...one, quarantine })));
    expect((await find(await order('site=home'))).deviceId).toBe(slow.deviceId);
    await slow.run(slow.running.map((one) => ({ ...one, quarantine })));
    await expect(order('site=home')).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringContaining('left alone on every device'),
    });
    world.pass(60_000);
    expect((await find(await order('site=home'))).deviceId).toBe(fast.deviceId);
  });

  it('waits for a device that is away, until its time is up', async () => {
    await fast.goodbye();
    const id = await order('fast', { timeoutMs: 10_000 });
    world.pass(13_000);
    await expireJobs(world);
    expect(await find(id)).toMatchObject({
      state: 'TIMED_OUT',
      reason: { code: 'expired', message: expect.stringMatching(/within 10 s; .*, and fast is not connected$/) },
    });
    await fast.hello();
    expect(fast.commands).toEqual([]);
  });

  it('that could not be done in its time by what was measured there is refused, and with more time it is not', async () => {
    const large = { width: 1024, height: 1024 };
    const hasty = { ...asks(large), timeoutMs: 25_500 };
    await expect(order('fast', hasty)).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringMatching(
        /^shapes@1\.0\.0 on fast: a picture of 1024x1024 in 4 steps would take 26 s there/,
      ),
    });
    await order('fast', { ...hasty, timeoutMs: 25_700 });
    await expect(order('fast', asks({ ...large, steps: 200, width: 4096 }))).rejects.toThrow('in 200 steps would take');
    await order('fast', asks({ ...large, steps: 200, width: 4096, allowCached: true }));
    await expect(order('slow', { ...hasty, timeoutMs: 25_700 })).rejects.toThrow('on slow: ');
  });

  it('that was sent is canceled at once, and the device is told', async () => {
    const id = await order('fast');
    await fast.receive();
    expect((await cancelJob(world, { kind: 'picture', jobId: id, actor: 'test' })).state).toBe('CANCELED');
    await fast.receive();
    expect(fast.commands.at(-1)).toMatchObject({ body: { kind: 'cancel', jobId: id } });
    await done(fast, id);
    expect((await find(id)).state).toBe('CANCELED');
  });

  it('does not go to a device that has too many before it', async () => {
    for (let i = 0; i < 64; i++) await order('fast');
    await expect(order('fast')).rejects.toMatchObject({ code: 'too_many' });
  });
});

describe('a bench', () => {
  it('ends with its result, which stands in the table', async () => {
    const id = await requestBench(world, {
      device: 'fast',
      model: 'shapes',
      version: '1.0.0',
      mode: 'quick',
      actor: 'test',
    });
    await fast.receive();
    const wanted = fast.desired?.models[0];
    if (!wanted) throw new Error('nothing wanted');
    world.pass(1000);
    await fast.report({
      kind: 'job',
      jobId: id,
      to: 'SUCCEEDED',
      bench: benchOf(wanted, { mode: 'quick', latencyMsP50: 77 }),
    });
    expect(await viewBenchRuns(world.store.db, [await find(id)])).toMatchObject([
      { state: 'SUCCEEDED', device: 'fast', result: { mode: 'quick' }, seenByServer: { seenMs: 1000 }, pictures: null },
    ]);
    expect(await benchRuns.table(world.store.db, new Map())).toMatchObject([
      { device: 'fast', latencyMsP50: 77, quality: 4.5, samples: 10 },
      { device: 'slow', latencyMsP50: 1000 },
    ]);
  });

  it('stands beside the pictures of its own size and steps, as the server saw them', async () => {
    const wanted = fast.desired?.models[0];
    if (!wanted) throw new Error('nothing wanted');
    const image = { sha256, sizeBytes: PNG.length };
    const made: [number, object, object?][] = [
      [1000, {}],
      [2000, {}],
      [3000, {}],
      [90_000, { steps: 200 }],
      [90_000, { width: 128 }],
      [90_000, { cached: true }],
      [90_000, {}, asks({ image, strength: 0.5 })],
    ];
    for (const [tookMs, over, asked] of made) {
      const id = await order('fast', asked);
      world.pass(tookMs);
      await send(fast, id);
      await done(fast, id, over);
    }
    const id = await requestBench(world, {
      ...{ device: 'fast', model: 'shapes', version: '1.0.0' },
      ...{ mode: 'quick', actor: 'test' },
    });
    await fast.report({ kind: 'job', jobId: id, to: 'SUCCEEDED', bench: benchOf({ ...wanted, variant: 'v' }) });
    const pictures = { count: 3, seenMsP50: 2000, onDeviceMsP50: 5 };
    expect(await viewBenchRuns(world.store.db, [await find(id)])).toMatchObject([{ pictures }]);
    const { db } = world.store;
    expect(await benchRuns.table(db, await seenPictures(db))).toMatchObject([
      { device: 'fast', pictures },
      { device: 'slow', pictures: null },
    ]);
  });

  it('of a size whose pictures could not be done in its time is refused, with the numbers', async () => {
    const settings = { width: 1024, height: 1024 };
    const bench = {
      ...{ device: 'fast', model: 'shapes', version: '1.0.0' },
      mode: 'quick',
      settings,
      actor: 'test',
    } as const;
    await expect(requestBench(world, { ...bench, timeoutMs: 281_000 })).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringMatching(
        /^shapes@1\.0\.0 on fast: 11 pictures of 1024x1024 in 4 steps would take 4 min 42 s there/,
      ),
    });
    await requestBench(world, { ...bench, timeoutMs: 283_000 });
  });

  it.each([
    ['nobody', '1.0.0', 'not_found'],
    ['fast', '9.9.9', 'not_found'],
    ['fast', '2.0.0', 'unprocessable'],
  ])('of %s %s is refused', async (device, version, code) => {
    const request = { device, model: 'shapes', version, mode: 'quick', actor: 'test' } as const;
    await expect(requestBench(world, request)).rejects.toMatchObject({ code });
  });
});
