import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Progress } from '../../shared/messages.ts';
import { upTopic } from '../../shared/topics.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { requestPicture } from '../actions/request-picture.ts';
import * as jobs from '../store/jobs.ts';
import { Inbox } from './inbox.ts';

let world: TestWorld;
let device: MadeDevice;
let jobId = '';

beforeEach(async () => {
  world = await makeWorld();
  device = await MadeDevice.enrol(world, 'pi-kitchen');
  await device.hello();
  const [model, version, versionDigest] = ['shapes', '1.0.0', 'a'.repeat(64)];
  await device.run([
    { installationId: `ins_${'0'.repeat(26)}`, model, version, versionDigest, variant: 'v', role: 'current' },
  ]);
  jobId = await requestPicture(world, { device: 'pi-kitchen', request: { prompt: 'a circle' }, actor: 'test' });
});
afterEach(() => world.end());

it('shows every preview, however often plain progress comes between them, and keeps a storm of either out', async () => {
  const inbox = new Inbox(world);
  const say = async (done: number, preview?: string) => {
    const of = { kind: 'job', jobId, stage: 'denoise', done, total: 1000, preview } as const;
    const progress: Progress = { atMs: world.clock.now(), of };
    await inbox.receive(upTopic(device.deviceId, 'progress'), Buffer.from(JSON.stringify(progress)));
    return (await jobs.find(world.store.db, jobId))?.progress;
  };
  // As an agent sends them: plain ones 200 ms after the last word, previews every 250 ms.
  for (let done = 1; done <= 10; done++) {
    expect(await say(2 * done - 1, 'AAAA')).toMatchObject({ done: 2 * done - 1, preview: 'AAAA' });
    world.pass(200);
    expect(await say(2 * done)).toMatchObject({ done: 2 * done });
    world.pass(50);
  }
  await say(100, 'AAAA');
  for (const preview of ['BBBB', undefined])
    expect(await say(101, preview)).toMatchObject({ done: 100, preview: 'AAAA' });
  expect(await say(1000)).toMatchObject({ done: 1000 });
});
