// Open bugs of other fleets that their users complain of, each as a test of what happens here. test/known-bugs.md says which.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal } from '../../shared/machine.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as installations from '../store/installations.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { expireInstallations } from './expire-installations.ts';
import { startRollout } from './start-rollout.ts';

let world: TestWorld;
let fleet: MadeDevice[];

beforeEach(async () => {
  world = await makeWorld();
  fleet = [];
  for (const name of ['pi-a', 'pi-b', 'pi-c', 'pi-d']) {
    const device = await MadeDevice.enrol(world, name);
    await device.hello();
    fleet.push(device);
  }
  await publishMade(world, '1.0.0');
  await publishMade(world, '1.1.0');
});
afterEach(() => world.end());

const at = (index: number) => fleet[index] as MadeDevice;
const start = (version: string, over: Record<string, unknown> = {}) =>
  startRollout(world, {
    ...StartRolloutBody.parse({ model: 'shapes', version, to: 'all', waves: ['100%'], ...over }),
    actor: 'ann',
  });
const show = async (rolloutId: string) => viewRollout(world.store.db, await rollouts.get(world.store.db, rolloutId));
const tick = async () => {
  world.pass(100);
  await advanceRollouts(world);
  for (const device of fleet) await device.receive();
};

describe('hawkBit 3185: a device counts as in sync while it runs the old image', () => {
  it('what a device says that it runs is no success: only a probe that was passed is', async () => {
    const id = await start('1.0.0', { to: 'pi-a' });
    await tick();
    const { model, version, versionDigest, variant, role, installationId } = at(0).desired?.models[0] ?? ({} as never);
    await at(0).run([{ installationId, model, version, versionDigest, variant, role }]);
    await at(0).hello();
    await tick();
    const view = await show(id);
    expect(view.state).toBe('RUNNING');
    expect(view.waves[0]).toMatchObject({ committed: 0 });
    expect(view.installations).toMatchObject([{ device: 'pi-a', state: 'NOTIFIED' }]);
  });

  it('a device that was in sync and runs the old version again installs the new one anew', async () => {
    await start('1.0.0', { to: 'pi-a' });
    await tick();
    await at(0).install();
    const old = at(0).running;
    await tick();
    await start('1.1.0', { to: 'pi-a' });
    await tick();
    await at(0).install();
    await tick();
    const before = at(0).desired?.models[0]?.installationId;
    at(0).running = old;
    await at(0).hello();
    const wanted = at(0).desired?.models[0];
    expect(wanted).toMatchObject({ version: '1.1.0' });
    expect(wanted?.installationId).not.toBe(before);
    const [state] = await installations.ofDevice(world.store.db, at(0).deviceId).then((all) => all.slice(-1));
    expect(state?.state).not.toBe('COMMITTED');
  });
});

it('hawkBit, thresholds over all targets: devices that were never contacted stall no wave, and are counted apart', async () => {
  for (const away of [1, 2, 3]) await at(away).goodbye();
  const id = await start('1.0.0', { gates: ['failures<=0%'] });
  await tick();
  await at(0).install();
  await tick();
  const view = await show(id);
  expect(view.state).toBe('SUCCEEDED');
  expect(view.waves[0]).toMatchObject({ total: 4, contacted: 1, committed: 1 });
});

const waiting = Object.keys(installationTable).filter(
  (state) => !isFinal(installationTable, state as InstallationState),
) as InstallationState[];

describe('hawkBit 693, Greengrass 807 and 1203, thin-edge 2150, 3149 and 3460: stuck for ever', () => {
  it.each(waiting)(
    'a device that falls silent in %s is ended by the server, and its rollout with it',
    async (state) => {
      const id = await start('1.0.0', { to: 'pi-a', waveDeadlineMs: 30 * 24 * 3600_000 });
      // Gone in the moment in which it was chosen, it stays where it is told nothing.
      if (state === 'QUEUED') await advanceRollouts(world);
      else await tick();
      const path = waiting.slice(1, waiting.indexOf(state) + 1);
      const [first] = await installations.ofRollout(world.store.db, id);
      for (let i = 1; i < path.length; i++)
        await at(0).move(first?.installationId ?? '', path[i - 1] as InstallationState, path[i] as InstallationState);
      await at(0).goodbye();
      const [stuck] = await installations.ofRollout(world.store.db, id);
      expect(stuck?.state).toBe(state);
      expect(stuck?.deadlineMs).toBeGreaterThan(world.clock.now());
      world.pass((installationTable[state].deadlineMs ?? 0) + 6 * 60_000);
      await expireInstallations(world);
      const [ended] = await installations.ofRollout(world.store.db, id);
      expect(isFinal(installationTable, ended?.state ?? 'QUEUED')).toBe(true);
      expect(ended?.deadlineMs).toBeNull();
      world.pass(41 * 24 * 3600_000);
      await tick();
      await tick();
      world.pass(3600_000);
      await tick();
      expect((await rollouts.open(world.store.db)).map(({ rolloutId }) => rolloutId)).toEqual([]);
    },
  );
});
