// Pictures of a selector whose device is lost.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits, timings } from '../../shared/limits.ts';
import type { MadeDevice } from '../../test/server/made-device.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { runningFleet } from '../../test/server/running-fleet.ts';
import * as events from '../store/events.ts';
import { viewPictures } from '../store/job-views.ts';
import * as jobs from '../store/jobs.ts';
import { seenPictures } from '../store/seen-pictures.ts';
import { cancelJob } from './cancel-job.ts';
import { handOverPictures } from './hand-over-pictures.ts';
import { receivePicture } from './receive-picture.ts';
import { requestPicture } from './request-picture.ts';
import { revokeDevice } from './revoke-device.ts';

const png = (rest: string) => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(rest)]);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const STARTED_MS = 0;
let world: TestWorld;
let fast: MadeDevice;
let slow: MadeDevice;
let slower: MadeDevice;

beforeEach(async () => {
  world = await makeWorld();
  [fast, slow, slower] = (await runningFleet(world, { fast: 100, slow: 1000, slower: 9000 })) as [
    MadeDevice,
    MadeDevice,
    MadeDevice,
  ];
});
afterEach(() => world.end());

const order = (device: string, over = {}) =>
  requestPicture(world, { device, request: { prompt: 'a circle', seed: 1 }, actor: 'test', ...over });
const find = async (id: string) => (await jobs.find(world.store.db, id)) as jobs.Job;
const view = async (id: string) => (await viewPictures(world.store.db, [await find(id)]))[0];
const lose = async (device: MadeDevice, ms: number = timings.handOverMs) => {
  await device.goodbye();
  world.pass(ms);
};
const tick = () => handOverPictures(world, STARTED_MS);
const send = (device: MadeDevice, pictureId: string, bytes: Buffer) =>
  receivePicture(world, { pictureId, deviceId: device.deviceId, stream: Readable.from([bytes]) });
const done = (device: MadeDevice, jobId: string, bytes: Buffer) =>
  device.report({
    kind: 'job',
    jobId,
    to: 'SUCCEEDED',
    picture: {
      ...{ sha256: sha256(bytes), sizeBytes: bytes.length, latencyMs: 5, stagesMs: {}, variant: 'v' },
      ...{ versionDigest: device.running[0]?.versionDigest ?? '', seed: 1, steps: 4, width: 64, height: 64 },
    },
  });

describe('a picture of a selector', () => {
  it.each(['QUEUED', 'ACCEPTED', 'RUNNING'] as const)('goes on where its device is lost while it is %s', async (at) => {
    const id = await order('site=home');
    if (at !== 'QUEUED') {
      await fast.receive();
      await fast.report({ kind: 'job', jobId: id, to: at });
    }
    await lose(fast);
    await tick();
    expect(await find(id)).toMatchObject({ deviceId: slow.deviceId, state: 'QUEUED' });
    await slow.receive();
    expect(slow.commands).toMatchObject([{ commandId: id, body: { kind: 'picture' } }]);
    await send(slow, id, png('of slow'));
    await done(slow, id, png('of slow'));
    expect(await view(id)).toMatchObject({
      state: 'SUCCEEDED',
      device: 'slow',
      handOvers: [{ device: 'fast', because: 'fast is not connected any more' }],
    });
    const told = (await events.after(world.store.db, 0, 1000)).filter(({ subject }) => subject === id);
    expect(told.map(({ details }) => details.handedOver).filter(Boolean)).toEqual([
      { from: 'fast', to: 'slow', because: 'fast is not connected any more' },
    ]);
    expect((await seenPictures(world.store.db)).size).toBe(0);
  });

  it('waits as long as its device may need to come back, the server itself just started too', async () => {
    const id = await order('site=home');
    await lose(fast, timings.handOverMs - 1);
    expect(await tick()).toBe(world.clock.now() + 1);
    expect((await find(id)).handOvers).toEqual([]);
    world.pass(1);
    expect(await handOverPictures(world, world.clock.now())).toBe(world.clock.now() + timings.handOverMs);
    expect((await find(id)).handOvers).toEqual([]);
  });

  it('is made once, whatever the first device says when it is back', async () => {
    const id = await order('site=home');
    await fast.receive();
    await fast.report({ kind: 'job', jobId: id, to: 'RUNNING' });
    await lose(fast);
    await tick();
    await fast.hello({ jobs: [{ jobId: id, state: 'RUNNING' }] });
    expect(fast.commands.at(-1)).toMatchObject({ body: { kind: 'cancel', jobId: id } });
    await expect(send(fast, id, png('of fast'))).rejects.toMatchObject({ code: 'not_found' });
    await done(fast, id, png('of fast'));
    await fast.report({ kind: 'job', jobId: id, to: 'CANCELED' });
    expect(await find(id)).toMatchObject({ deviceId: slow.deviceId, state: 'QUEUED' });
    expect(world.logged).toEqual([]);
  });

  it('keeps the bytes of the device that makes it now, when those of the other are still on their way', async () => {
    const id = await order('site=home');
    await fast.receive();
    const late = png('of fast');
    async function* slowly() {
      yield late.subarray(0, 10);
      await lose(fast);
      await tick();
      await send(slow, id, png('of slow'));
      yield late.subarray(10);
    }
    const stream = Readable.from(slowly());
    await expect(receivePicture(world, { pictureId: id, deviceId: fast.deviceId, stream })).rejects.toMatchObject({
      code: 'gone',
    });
    await done(slow, id, png('of slow'));
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
  });

  it('never comes to a device a second time, and waits where there is no other', async () => {
    const id = await order('fast,slow');
    await lose(fast);
    await tick();
    await fast.hello();
    await lose(slow);
    await tick();
    expect(await find(id)).toMatchObject({ deviceId: slow.deviceId });
    await slow.hello();
    await slow.receive();
    expect(slow.commands.at(-1)).toMatchObject({ commandId: id });
  });

  it('spreads what waited over those that are left, and none beyond its line', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await order('fast,slow,slower'));
    await lose(fast);
    await tick();
    const after = await Promise.all(ids.map(find));
    expect(after.filter(({ deviceId }) => deviceId === fast.deviceId)).toEqual([]);
    expect(new Set(after.map(({ deviceId }) => deviceId))).toEqual(new Set([slow.deviceId, slower.deviceId]));
    for (let i = ids.length; i < 2 * limits.jobsPerDevice; i++) await order(i % 2 ? 'slow' : 'slower').catch(() => {});
    await fast.hello();
    const more = await order('site=home');
    await lose(fast);
    await tick();
    expect(await find(more)).toMatchObject({ deviceId: fast.deviceId });
  });

  it('goes on when its device is revoked', async () => {
    const [id, named] = [await order('site=home'), await order('fast')];
    await revokeDevice(world, { name: 'fast', actor: 'test' });
    expect(await view(id)).toMatchObject({
      device: 'slow',
      state: 'QUEUED',
      handOvers: [{ because: 'fast was revoked' }],
    });
    expect(await find(named)).toMatchObject({ state: 'FAILED', reason: { code: 'device_revoked' } });
  });

  it('is taken back from where it is now', async () => {
    const id = await order('site=home');
    await lose(fast);
    await tick();
    await slow.receive();
    await cancelJob(world, { kind: 'picture', jobId: id, actor: 'test' });
    await slow.receive();
    expect(slow.commands.at(-1)).toMatchObject({ body: { kind: 'cancel', jobId: id } });
    await tick();
    expect(await find(id)).toMatchObject({ state: 'CANCELED' });
  });

  it('is not begun anew after its deadline', async () => {
    const id = await order('site=home', { timeoutMs: timings.handOverMs });
    await lose(fast);
    await tick();
    expect(await find(id)).toMatchObject({ deviceId: fast.deviceId });
  });

  it('takes the settings that fit the other device', async () => {
    const id = await order('fast,slow', { fit: { latencyMs: 5000 } });
    await lose(fast);
    await tick();
    expect((await find(id)).request).toMatchObject({ fit: { expectedLatencyMs: 1000 } });
  });

  it('stays where nothing fits on another', async () => {
    const id = await order('fast,slow', { fit: { latencyMs: 200 } });
    await lose(fast);
    await tick();
    expect(await find(id)).toMatchObject({ deviceId: fast.deviceId });
  });
});

it('a picture of a device that was named stays with it', async () => {
  const id = await order('fast');
  await lose(fast, 60_000);
  expect(await tick()).toBeNull();
  expect(await find(id)).toMatchObject({ deviceId: fast.deviceId, state: 'QUEUED' });
});
