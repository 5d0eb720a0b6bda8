import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { makeManifest, makeVariant, publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { viewDeviceWhy } from '../store/device-why.ts';
import * as devices from '../store/devices.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import { abortRollout } from './abort-rollout.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { approveRollout } from './approve-rollout.ts';
import { expireInstallations } from './expire-installations.ts';
import { pauseRollout } from './pause-rollout.ts';
import { resumeRollout } from './resume-rollout.ts';
import { revokeDevice } from './revoke-device.ts';
import { startRollout } from './start-rollout.ts';

let world: TestWorld;
let fleet: MadeDevice[];

beforeEach(async () => {
  world = await makeWorld();
  fleet = [];
  for (const name of ['pi-a', 'pi-b', 'pi-c', 'pi-d']) {
    const device = await MadeDevice.enrol(world, name, { site: 'home' });
    await device.hello();
    fleet.push(device);
  }
  await publishMade(world, '1.0.0');
  await publishMade(world, '1.1.0');
});
afterEach(() => world.end());

const names = 'pi-a,pi-b,pi-c,pi-d';
const start = (version: string, over: Record<string, unknown> = {}) =>
  startRollout(world, {
    ...StartRolloutBody.parse({ model: 'shapes', version, to: names, waves: ['1', '100%'], ...over }),
    actor: 'test',
  });
const show = async (rolloutId: string) => {
  const rollout = await rollouts.find(world.store.db, rolloutId);
  if (!rollout) throw new Error('no such rollout');
  return viewRollout(world.store.db, rollout);
};
const waveStates = async (id: string) => (await show(id)).waves.map(({ state }) => state);
const tick = async () => {
  world.pass(100);
  await advanceRollouts(world);
  for (const device of fleet) await device.receive();
};
const at = (index: number) => fleet[index] as MadeDevice;
/** Everybody who has something to install does so. */
async function installAll(version: string, over = {}): Promise<void> {
  for (const device of fleet)
    if (device.desired?.models[0]?.version === version && device.running[0]?.version !== version)
      await device.install(over);
}
async function rollOutAll(version: string): Promise<string> {
  const id = await start(version, { waves: ['100%'] });
  await tick();
  await installAll(version);
  await tick();
  return id;
}
/** The agent finds what is named again under its old id and runs it at once. */
async function restoreAll(): Promise<void> {
  for (const device of fleet)
    await device.run((device.desired?.models ?? []).map(({ probe: _, ...running }) => running));
}

describe('a rollout', () => {
  it('goes wave by wave, and only as far as its wave', async () => {
    const id = await start('1.0.0');
    await tick();
    expect(fleet.map(({ desired }) => desired?.models.length)).toEqual([1, 0, 0, 0]);
    expect(await waveStates(id)).toEqual(['RUNNING', 'PENDING']);
    await at(0).install();
    await tick();
    expect(await waveStates(id)).toEqual(['PASSED', 'RUNNING']);
    for (const device of fleet.slice(1)) await device.install();
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'SUCCEEDED',
      explanation: 'all 2 waves passed: 4 of 4 devices committed',
      waves: [
        { attempted: 1, contacted: 1, committed: 1, failed: 0, total: 1 },
        { committed: 3, total: 3 },
      ],
    });
  });

  it('stops at a gate, keeps the evidence, and the devices return to what they ran', async () => {
    await rollOutAll('1.0.0');
    const before = at(0).desired?.models[0]?.installationId;
    const id = await start('1.1.0', { gates: ['quality>=4'] });
    await tick();
    await at(0).install({ quality: { score: 3.1, adherence: 0.6, whole: 0.2, pictures: Array(20).fill(0.6) } });
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'ROLLING_BACK',
      waves: [
        {
          state: 'FAILED',
          gates: [{ metric: 'quality', verdict: 'fail', value: expect.closeTo(3.1), n: 20, device: 'pi-a' }, {}],
        },
        { state: 'CANCELED' },
      ],
    });
    // The way back is a higher generation that names the installation which ran before.
    expect(at(0).desired?.models).toMatchObject([{ version: '1.0.0', installationId: before }]);
    await restoreAll();
    await tick();
    const { state, explanation } = await show(id);
    expect(state).toBe('STOPPED');
    expect(explanation).toMatch(
      /^stopped at wave 1: quality 3\.10 .*on pi-a .*is below 4; 1 device returned to 1\.0\.0; 3 never changed$/,
    );
    expect(fleet.slice(1).every(({ desired }) => desired?.models[0]?.version === '1.0.0')).toBe(true);
  });

  it('stops when a device rolls back by itself; its desired state tells the truth at once', async () => {
    await rollOutAll('1.0.0');
    const id = await start('1.1.0');
    await tick();
    await at(0).install({}, 'ROLLED_BACK');
    expect(at(0).desired?.models).toMatchObject([{ version: '1.0.0' }]);
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'STOPPED',
      explanation: expect.stringContaining('1 of 1 device failed (pi-a)'),
    });
  });

  it('tells devices that refused it from those that returned', async () => {
    await rollOutAll('1.0.0');
    const id = await start('1.1.0', { waves: ['2', '100%'] });
    await tick();
    await at(0).move(at(0).desired?.models[0]?.installationId ?? '', 'NOTIFIED', 'REJECTED', 'too large');
    await at(1).install({}, 'ROLLED_BACK');
    for (let i = 0; i < 3; i++) {
      await tick();
      await restoreAll();
    }
    const { state, explanation } = await show(id);
    expect(state).toBe('STOPPED');
    expect(explanation).toMatch(/; 1 device returned to 1\.0\.0; pi-a refused it; 2 never changed$/);
  });

  it('tells devices that never switched it on from those that returned', async () => {
    await rollOutAll('1.0.0');
    const id = await start('1.1.0', { waves: ['3', '100%'] });
    await tick();
    const installationId = at(0).desired?.models[0]?.installationId ?? '';
    await at(0).move(installationId, 'NOTIFIED', 'DOWNLOADING');
    await at(0).move(installationId, 'DOWNLOADING', 'FAILED', 'no line');
    await at(1).install({}, 'ROLLED_BACK');
    await at(2).install();
    for (let i = 0; i < 3; i++) {
      await tick();
      await restoreAll();
    }
    const { state, explanation } = await show(id);
    expect(state).toBe('STOPPED');
    expect(explanation).toMatch(
      /; 2 devices returned to 1\.0\.0; pi-a kept 1\.0\.0, never activated 1\.1\.0; 1 never changed$/,
    );
  });

  it('empties the place where nothing ran before', async () => {
    await start('1.0.0');
    await tick();
    await at(0).install({}, 'ROLLED_BACK');
    expect(at(0).desired?.models).toEqual([]);
  });

  it('stops early when failures are more than allowed, without waiting for the others', async () => {
    const id = await start('1.0.0', { waves: ['100%'], gates: ['failures<=1'] });
    await tick();
    await at(0).install({}, 'ROLLED_BACK');
    await tick();
    expect((await show(id)).state).toBe('RUNNING');
    await at(1).install({}, 'ROLLED_BACK');
    await tick();
    expect((await show(id)).state).toBe('ROLLING_BACK');
  });

  it('compares with what the same device measured before', async () => {
    await rollOutAll('1.0.0');
    const id = await start('1.1.0', { gates: ['latency.p50<=1.2x'] });
    await tick();
    await at(0).install({ samples: Array(10).fill({ latencyMs: 70, stagesMs: {} }) });
    await tick();
    expect((await show(id)).waves[0]?.gates[0]).toMatchObject({ verdict: 'fail', value: expect.closeTo(1.4) });
  });

  it('waits for evidence, and takes it from a later bench', async () => {
    const id = await start('1.0.0', { gates: ['latency.p90<=1s'] });
    await tick();
    expect(at(0).desired?.models[0]?.probe).toBe('rapid');
    await at(0).install();
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'RUNNING',
      waves: [{ gates: [{ verdict: 'insufficient' }, {}] }, {}],
    });
    world.pass(25 * 3600_000);
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'ROLLING_BACK',
      explanation: expect.stringContaining('10 of 64 pictures timed'),
    });
  });
});

describe('devices out of reach', () => {
  it('neither pass nor stall a wave, get it when they come, and are judged then', async () => {
    await at(3).goodbye();
    const id = await start('1.0.0', { gates: ['quality>=4'] });
    await tick();
    await at(0).install();
    await tick();
    await at(1).install();
    await at(2).install();
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'SUCCEEDED',
      explanation: expect.stringContaining('pi-d will get it when within reach'),
    });
    await at(3).hello();
    await tick();
    await at(3).install({ quality: { score: 2, adherence: 0.4, whole: 0, pictures: Array(20).fill(0.4) } });
    await tick();
    // By itself it goes back to nothing; the others keep what they have.
    expect(at(3).desired?.models).toEqual([]);
    expect(at(1).desired?.models).toHaveLength(1);
    expect((await show(id)).explanation).toMatch(/pi-d came late: .*is below 4/);
  });

  it('make the wave wait when nobody else is in it, until its deadline', async () => {
    await at(0).goodbye();
    const id = await start('1.0.0', { waveDeadlineMs: 60_000 });
    await tick();
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'RUNNING',
      explanation: expect.stringMatching(/not within reach.*waiting for the first/),
    });
    world.pass(61_000);
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'STOPPED',
      explanation: expect.stringMatching(/none of its 1 devices was reached.*4 never changed|none of its 1/),
    });
  });

  it('hold the wave when they fell silent in the midst of it, until its deadline counts them as failed', async () => {
    const id = await start('1.0.0', { waves: ['100%'], waveDeadlineMs: 60_000 });
    await tick();
    for (const device of fleet.slice(0, 3)) await device.install();
    const { installationId } = at(3).desired?.models[0] ?? { installationId: '' };
    await at(3).move(installationId, 'NOTIFIED', 'DOWNLOADING');
    await at(3).goodbye();
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'RUNNING',
      explanation: expect.stringContaining('pi-d reached and now silent'),
    });
    world.pass(61_000);
    await tick();
    const view = await show(id);
    expect(view.installations.find(({ device }) => device === 'pi-d')).toMatchObject({
      state: 'TIMED_OUT',
      reason: { code: 'deadline_passed' },
    });
    expect(view.state).not.toBe('SUCCEEDED');
  });

  it('that do not come back by themselves install anew', async () => {
    await rollOutAll('1.0.0');
    const id = await start('1.1.0', { gates: ['latency.p50<=1ms'] });
    await tick();
    await at(0).install();
    await tick();
    const named = at(0).desired?.models[0]?.installationId;
    world.pass(61_000);
    await tick();
    const anew = at(0).desired?.models[0];
    expect(anew).toMatchObject({ version: '1.0.0' });
    expect(anew?.installationId).not.toBe(named);
    await at(0).install();
    await tick();
    expect((await show(id)).state).toBe('STOPPED');
  });

  it('that were revoked are left out', async () => {
    const id = await start('1.0.0');
    await tick();
    await revokeDevice(world, { name: 'pi-a', actor: 'test' });
    await tick();
    expect(await waveStates(id)).toEqual(['PASSED', 'RUNNING']);
  });
});

describe('operators', () => {
  it('cannot start two rollouts over one device, and are told who was first', async () => {
    const first = await start('1.0.0');
    await expect(start('1.1.0', { to: 'pi-b', waves: ['100%'] })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        new RegExp(`pi-b already belongs to rollout ${first} of shapes@1\\.0\\.0, started by test`),
      ),
    });
  });

  it('pause: a device that comes back then begins nothing, though the rollout had chosen it', async () => {
    await at(3).goodbye();
    const id = await start('1.0.0', { waves: ['100%'] });
    await tick();
    await pauseRollout(world, { rolloutId: id, actor: 'test' });
    await at(3).hello();
    await tick();
    expect(at(3).desired?.models ?? []).toEqual([]);
    await resumeRollout(world, { rolloutId: id, actor: 'test' });
    await tick();
    expect(at(3).desired?.models).toMatchObject([{ version: '1.0.0' }]);
  });

  it('pause and resume', async () => {
    const id = await start('1.0.0');
    await tick();
    await pauseRollout(world, { rolloutId: id, actor: 'test' });
    await at(0).install();
    await tick();
    expect(await waveStates(id)).toEqual(['RUNNING', 'PENDING']);
    await resumeRollout(world, { rolloutId: id, actor: 'test' });
    await tick();
    expect(await waveStates(id)).toEqual(['PASSED', 'RUNNING']);
  });

  it('approve each wave where they asked for that', async () => {
    const id = await start('1.0.0', { approval: 'manual' });
    await tick();
    await at(0).install();
    await tick();
    expect(await waveStates(id)).toEqual(['AWAITING_APPROVAL', 'PENDING']);
    await approveRollout(world, { rolloutId: id, actor: 'test' });
    await tick();
    expect(await waveStates(id)).toEqual(['PASSED', 'RUNNING']);
    await expect(approveRollout(world, { rolloutId: id, actor: 'test' })).rejects.toMatchObject({ code: 'conflict' });
    // Of the wave after it, too, and of no other: the second wave has everybody else.
    for (const index of [0, 1]) {
      const device = (await devices.byName(world.store.db, at(index).name)) as devices.Device;
      const { models } = await viewDeviceWhy(world.store.db, device);
      expect(models[0]?.because.map(({ what }) => what)).toContain('wave 1 approved by test (test)');
    }
  });

  it('decide over a gate that only pauses', async () => {
    const id = await start('1.0.0', { onFailure: 'pause', gates: ['latency.p50<=1ms'] });
    await tick();
    await at(0).install();
    await tick();
    expect(await show(id)).toMatchObject({ state: 'PAUSED', waves: [{ state: 'RUNNING' }, { state: 'PENDING' }] });
    await resumeRollout(world, { rolloutId: id, actor: 'test' });
    await tick();
    expect((await show(id)).state).toBe('PAUSED');
    await approveRollout(world, { rolloutId: id, actor: 'test' });
    await tick();
    expect(await show(id)).toMatchObject({ state: 'RUNNING', waves: [{ state: 'PASSED' }, { state: 'RUNNING' }] });
  });

  it('abort: devices return, those that heard nothing never change', async () => {
    await at(3).goodbye();
    const id = await start('1.0.0', { waves: ['100%'] });
    await tick();
    await at(0).install();
    await abortRollout(world, { rolloutId: id, rollBack: true, actor: 'test' });
    await tick();
    expect(fleet.slice(0, 3).map(({ desired }) => desired?.models)).toEqual([[], [], []]);
    for (const device of fleet.slice(1, 3)) {
      const open = (await show(id)).installations.find((one) => one.device === device.name);
      await device.move(open?.installationId ?? '', 'NOTIFIED', 'SUPERSEDED', 'no longer wanted');
    }
    await restoreAll();
    await tick();
    const view = await show(id);
    expect(view).toMatchObject({
      state: 'ABORTED',
      explanation: expect.stringMatching(/^aborted by test; .*1 never changed/),
    });
    expect(view.installations.map(({ device }) => device)).not.toContain('pi-d');
    await expect(abortRollout(world, { rolloutId: id, rollBack: true, actor: 'test' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('abort without a way back: devices keep what they have', async () => {
    const id = await start('1.0.0');
    await tick();
    await at(0).install();
    await abortRollout(world, { rolloutId: id, rollBack: false, actor: 'test' });
    await tick();
    expect((await show(id)).state).toBe('ABORTED');
    expect(at(0).desired?.models).toHaveLength(1);
  });

  it('are told when no variant fits a device', async () => {
    await publishMade(
      world,
      '2.0.0',
      makeManifest('2.0.0', [
        makeVariant('fp32', { measured: { machine: 't', peakRssBytes: 64e9, loadMs: 1, latencyMs: 1 } }),
      ]),
    );
    await expect(start('2.0.0')).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringMatching(/no variant .* fits pi-a and 3 more \(raspberry-pi-5-8gb\): .*needs 64000 MB/),
    });
  });
});

it('no installation stays open: what was superseded unheard ends after a while', async () => {
  await start('1.0.0', { waves: ['100%'] });
  await tick();
  const { installationId } = at(0).desired?.models[0] ?? { installationId: '' };
  await at(0).move(installationId, 'NOTIFIED', 'DOWNLOADING');
  await at(0).goodbye();
  for (const one of await rollouts.open(world.store.db))
    await abortRollout(world, { rolloutId: one.rolloutId, rollBack: true, actor: 'test' });
  await tick();
  world.pass(6 * 60_000);
  await expireInstallations(world);
  const [pi] = await devices.list(world.store.db);
  expect(pi?.name).toBe('pi-a');
  const open = await world.store.db
    .selectFrom('installations')
    .select('state')
    .where('deadline_ms', 'is not', null)
    .execute();
  expect(open).toEqual([]);
});
