// A version runs beside the current one, is compared, and takes its place or goes: against a real store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { viewDeviceDetail } from '../store/device-views.ts';
import * as devices from '../store/devices.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import { abortRollout } from './abort-rollout.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { promoteRollout } from './promote-rollout.ts';
import { startRollout } from './start-rollout.ts';

let world: TestWorld;
let fleet: MadeDevice[];

beforeEach(async () => {
  world = await makeWorld();
  fleet = [];
  for (const name of ['pi-a', 'pi-b']) {
    const device = await MadeDevice.enrol(world, name, { site: 'home' });
    await device.hello();
    fleet.push(device);
  }
  await publishMade(world, '1.0.0');
  await publishMade(world, '1.1.0');
  await rollOut('1.0.0');
});
afterEach(() => world.end());

const at = (index: number) => fleet[index] as MadeDevice;
const show = async (id: string) => viewRollout(world.store.db, await rollouts.get(world.store.db, id));
const start = (version: string, over: object = {}) =>
  startRollout(world, { ...StartRolloutBody.parse({ model: 'shapes', version, to: 'all', ...over }), actor: 'ann' });
const tick = async () => {
  world.pass(100);
  await advanceRollouts(world);
  for (const device of fleet) await device.receive();
};
async function rollOut(version: string, over: object = {}, result: object = {}): Promise<string> {
  const id = await start(version, over);
  await tick();
  for (const device of fleet) await device.install(result);
  await tick();
  return id;
}
const wanted = (device: MadeDevice) =>
  device.desired?.models.map(({ version, role }) => `${version} ${role}`).toSorted();
/** What the agent does when the installation that runs as a shadow is named as the current one. */
const follow = (device: MadeDevice) =>
  device.run((device.desired?.models ?? []).map(({ probe: _, ...place }) => place));
const compare = (device: MadeDevice, latencyMs: [number, number]) => {
  const { installationId = '' } = device.running.find(({ role }) => role === 'shadow') ?? {};
  const current = device.running.find(({ role }) => role === 'current');
  const against = { version: '1.0.0', versionDigest: current?.versionDigest ?? '', variant: 'onnxruntime-fp16' };
  const likeness = { meanAbsoluteDifference: 2, sameLabels: 1, adherence: [0.5, 1] as [number, number] };
  return device.report({ kind: 'shadow', installationId, against, latencyMs, ...likeness });
};

describe('a shadow', () => {
  it('runs beside the current version, and is judged against it', async () => {
    const gates = ['latency.p50<=0.9x'];
    const id = await rollOut(
      '1.1.0',
      { shadow: true, gates },
      { latencyMsP50: 30, samples: Array(10).fill({ latencyMs: 30, stagesMs: {} }) },
    );
    for (const device of fleet) expect(wanted(device)).toEqual(['1.0.0 current', '1.1.0 shadow']);
    expect(await show(id)).toMatchObject({ role: 'shadow', waves: [{ gates: [{ metric: 'latency.p50' }, {}] }] });
    expect((await show(id)).waves[0]?.gates[0]?.explanation).not.toMatch(/no version before/);
  });

  it('that fails goes, and what runs stays', async () => {
    const id = await start('1.1.0', { shadow: true });
    await tick();
    await at(0).install({}, 'ROLLED_BACK');
    for (let n = 0; n < 3; n++) await tick();
    expect((await show(id)).state).toMatch(/ROLLING_BACK|STOPPED/);
    for (const device of fleet) expect(wanted(device)).toEqual(['1.0.0 current']);
  });

  it('shows what its requests said, on the rollout and on the device', async () => {
    const id = await rollOut('1.1.0', { shadow: true });
    for (let n = 0; n < 6; n++) await compare(at(0), [100, 50]);
    expect((await show(id)).shadows).toMatchObject([
      { ...{ device: 'pi-a', against: '1.0.0', pairs: 6, latencyRatio: 0.5 }, adherence: 0.5, adherenceShadow: 1 },
      { device: 'pi-b', pairs: 0, latencyRatio: null },
    ]);
    const device = await devices.byId(world.store.db, at(0).deviceId);
    const detail = device && (await viewDeviceDetail(world.store.db, device));
    expect(detail?.shadows).toMatchObject([{ version: '1.1.0', pairs: 6, latencyRatioHigh: 0.5 }]);
  });

  it('is promoted under its own installation, and a later rollout knows the way back', async () => {
    const id = await rollOut('1.1.0', { shadow: true });
    const before = at(0).running.find(({ role }) => role === 'shadow')?.installationId;
    await promoteRollout(world, { rolloutId: id, actor: 'ann' });
    await tick();
    for (const device of fleet) expect(wanted(device)).toEqual(['1.1.0 current']);
    expect(at(0).desired?.models[0]?.installationId).toBe(before);
    for (const device of fleet) await follow(device);
    expect((await show(id)).shadows, 'nothing was compared').toEqual([]);
    expect(await show(id)).toMatchObject({ role: 'current', explanation: 'promoted by ann: current on 2 devices' });
    await expect(promoteRollout(world, { rolloutId: id, actor: 'bob' })).rejects.toThrow(/no shadow to promote/);
    await publishMade(world, '1.2.0');
    const next = await start('1.2.0');
    await tick();
    await abortRollout(world, { rolloutId: next, rollBack: true, actor: 'ann' });
    await tick();
    for (const device of fleet) expect(wanted(device)).toEqual(['1.1.0 current']);
  });

  it('is not promoted before it passed, nor over an open rollout, nor for whom saw something else', async () => {
    const id = await start('1.1.0', { shadow: true });
    await tick();
    await expect(promoteRollout(world, { rolloutId: id, actor: 'ann' })).rejects.toThrow(/only shadows that passed/);
    for (const device of fleet) await device.install();
    await tick();
    await publishMade(world, '1.2.0');
    // Another place: the two do not fight over the devices.
    const other = await start('1.2.0');
    await expect(promoteRollout(world, { rolloutId: id, actor: 'ann' })).rejects.toThrow(new RegExp(other));
    const blind = { rolloutId: id, expect: 'RUNNING', actor: 'ann' };
    await expect(promoteRollout(world, blind)).rejects.toThrow(/you expected RUNNING/);
  });

  it('that passed and is not wanted is taken away', async () => {
    const id = await rollOut('1.1.0', { shadow: true });
    await abortRollout(world, { rolloutId: id, rollBack: true, actor: 'ann' });
    for (let n = 0; n < 3; n++) {
      await tick();
      for (const device of fleet) await follow(device);
    }
    expect((await show(id)).state).toBe('ABORTED');
    for (const device of fleet) expect(wanted(device)).toEqual(['1.0.0 current']);
  });

  it('needs a version that it runs beside', async () => {
    await publishMade(world, '1.2.0');
    await expect(start('1.0.0', { shadow: true })).rejects.toThrow(/pi-. runs shapes@1.0.0 as its current version/);
  });
});
