import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { timings } from '../../shared/limits.ts';
import { inventory } from '../../test/raspberry-pi.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as devices from '../store/devices.ts';
import * as installations from '../store/installations.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { cancelJob } from './cancel-job.ts';
import { markSilentDevices } from './mark-silent-devices.ts';
import { requestPicture } from './request-picture.ts';
import { startRollout } from './start-rollout.ts';

let world: TestWorld;
let pi: MadeDevice;

beforeEach(async () => {
  world = await makeWorld();
  pi = await MadeDevice.enrol(world, 'pi');
  await publishMade(world, '1.0.0');
});
afterEach(() => world.end());

const device = async () => devices.byName(world.store.db, 'pi');
async function rollOut(): Promise<void> {
  const body = StartRolloutBody.parse({ model: 'shapes', version: '1.0.0', to: 'pi' });
  await startRollout(world, { ...body, actor: 'test' });
  await advanceRollouts(world);
  await pi.receive();
}

it('makes the device known as it is now, and online until it is silent', async () => {
  expect(await device()).toMatchObject({ online: false, lastSeenMs: null });
  await pi.hello({ inventory: { ...inventory, memoryBytes: 4 * 1024 ** 3 } });
  expect(await device()).toMatchObject({ online: true, deviceClass: 'raspberry-pi-5-4gb', bootId: 'boot' });
  world.pass(timings.presenceMs + 1);
  await markSilentDevices(world);
  expect((await device())?.online).toBe(false);
});

it('is answered with one desired state where the generations differ, and with none where they do not', async () => {
  await pi.hello();
  expect(pi.desired).toEqual({ generation: 0, models: [] });
  pi.desired = null;
  await pi.hello();
  expect(pi.desired).toBeNull();
});

it('overtakes a device that has heard of more than the server knows', async () => {
  await pi.hello({ generation: 41 });
  expect(pi.desired?.generation).toBe(42);
});

it('learns where an installation stands when the reports of it were lost', async () => {
  await pi.hello();
  await rollOut();
  const { installationId } = pi.desired?.models[0] ?? { installationId: '' };
  await pi.hello({ installations: [{ installationId, state: 'PROBING' }] });
  const stored = await installations.find(world.store.db, installationId);
  expect(stored?.state).toBe('PROBING');
  await pi.hello({
    installations: [{ installationId, state: 'FAILED', reason: { code: 'load_failed', message: 'no' } }],
  });
  expect(await installations.find(world.store.db, installationId)).toMatchObject({
    state: 'FAILED',
    reason: { code: 'load_failed' },
  });
  expect(pi.desired?.models).toEqual([]);
});

it('lets a device that lost its disk install again, as a new installation', async () => {
  await pi.hello();
  await rollOut();
  await pi.install();
  const before = pi.desired?.models[0]?.installationId;
  pi.generation = -1;
  pi.running = [];
  await pi.hello();
  expect(pi.desired?.models).toMatchObject([{ version: '1.0.0' }]);
  expect(pi.desired?.models[0]?.installationId).not.toBe(before);
  const anew = pi.desired?.models[0]?.installationId ?? '';
  await pi.hello({ installations: [{ installationId: anew, state: 'DOWNLOADING' }] });
  expect(pi.desired?.models[0]?.installationId).toBe(anew);
});

it('repeats the commands that are still open, and cancels what nobody wants any more', async () => {
  await pi.hello();
  await rollOut();
  await pi.install();
  const order = { device: 'pi', request: { prompt: 'a circle', seed: 1 }, actor: 'test' };
  const open = await requestPicture(world, order);
  const canceled = await requestPicture(world, order);
  await pi.receive();
  await cancelJob(world, { kind: 'picture', jobId: canceled, actor: 'test' });
  pi.commands.length = 0;
  await pi.hello({ jobs: [{ jobId: canceled, state: 'RUNNING' }] });
  expect(
    pi.commands.map(({ commandId, body }) => (body.kind === 'cancel' ? `cancel ${body.jobId}` : commandId)),
  ).toEqual([open, `cancel ${canceled}`]);
});

it('of a device that was revoked changes nothing', async () => {
  await devices.update(world.store.db, pi.deviceId, { revokedAtMs: 1 });
  await pi.hello();
  expect((await device())?.online).toBe(false);
});
