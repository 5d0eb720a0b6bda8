// Pace, retries, evidence asked for again, takeovers, dynamic targets, compare-and-set: against a real store.
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { benchOf, MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as decisions from '../store/decisions.ts';
import { viewDeviceWhy } from '../store/device-why.ts';
import * as devices from '../store/devices.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import { abortRollout } from './abort-rollout.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { labelDevice } from './label-device.ts';
import { pauseRollout } from './pause-rollout.ts';
import { planRollout } from './plan-rollout.ts';
import { resumeRollout } from './resume-rollout.ts';
import { saveGroup } from './save-group.ts';
import { startRollout } from './start-rollout.ts';
import { takeInDevices } from './take-in-devices.ts';

let world: TestWorld;
let fleet: MadeDevice[];

beforeEach(async () => {
  world = await makeWorld();
  fleet = [];
  for (const name of ['pi-a', 'pi-b', 'pi-c', 'pi-d']) await join(name);
  await publishMade(world, '1.0.0');
  await publishMade(world, '1.1.0');
});
afterEach(() => world.end());

async function join(name: string): Promise<void> {
  const device = await MadeDevice.enrol(world, name, { site: 'home' });
  await device.hello();
  fleet.push(device);
}
const body = (version: string, over: Record<string, unknown> = {}) =>
  StartRolloutBody.parse({ model: 'shapes', version, to: 'site=home', ...over });
const start = (version: string, over: Record<string, unknown> = {}, actor = 'ann') =>
  startRollout(world, { ...body(version, over), actor });
const show = async (rolloutId: string) => viewRollout(world.store.db, await rollouts.get(world.store.db, rolloutId));
const tick = async () => {
  world.pass(100);
  await advanceRollouts(world);
  for (const device of fleet) await device.receive();
};
const wanting = (version: string) =>
  fleet.filter(({ desired, running }) => desired?.models[0]?.version === version && running[0]?.version !== version);
const at = (index: number) => fleet[index] as MadeDevice;
async function rollOutAll(version: string): Promise<void> {
  await start(version);
  await tick();
  for (const device of wanting(version)) await device.install();
  await tick();
}

describe('what a device is told beside its version', () => {
  const told = (device: MadeDevice) => device.desired?.models[0];

  it('is what its class measured for the variant, as soon as there is something', async () => {
    await start('1.0.0', { waves: ['1', '100%'] });
    await tick();
    const [first] = wanting('1.0.0');
    expect(first && told(first)).not.toHaveProperty('history');
    await first?.install({ peakRssBytes: 170e6 });
    await tick();
    const later = wanting('1.0.0');
    expect(later).toHaveLength(3);
    for (const device of later)
      expect(told(device)?.history).toEqual({ deviceClass: 'raspberry-pi-5-8gb', runs: 1, peakRssBytes: 170e6 });
  });

  it('is how fast it may download, also when it is told again', async () => {
    await start('1.0.0', { pace: { downloadBytesPerSecond: 50_000 } });
    await tick();
    expect(fleet.map((device) => told(device)?.downloadBytesPerSecond)).toEqual(Array(4).fill(50_000));
    const again = at(0);
    again.desired = null;
    again.generation = -1;
    await again.hello({ generation: -1 });
    expect(told(again)?.downloadBytesPerSecond).toBe(50_000);
  });
});

describe('pace', () => {
  it('holds when devices that were away all come back at once', async () => {
    for (const device of fleet) await device.goodbye();
    const id = await start('1.0.0', { pace: { maxInFlight: 2 } });
    await tick();
    for (const device of fleet) await device.hello();
    await tick();
    expect(wanting('1.0.0')).toHaveLength(2);
    for (const device of wanting('1.0.0')) await device.install();
    await tick();
    expect(wanting('1.0.0')).toHaveLength(2);
    for (const device of wanting('1.0.0')) await device.install();
    await tick();
    expect((await show(id)).state).toBe('SUCCEEDED');
  });

  it('counts the attempts of a device one by one', async () => {
    for (const device of fleet.slice(1)) await device.goodbye();
    await start('1.0.0', { retries: 1, pace: { startsPerMinute: 2 } });
    await tick();
    await at(0).install({}, 'ROLLED_BACK');
    world.pass(31_000);
    await tick();
    expect(wanting('1.0.0').map(({ name }) => name)).toEqual(['pi-a']);
    await at(1).hello();
    await tick();
    expect(wanting('1.0.0'), 'two have begun within this minute').toHaveLength(1);
    world.pass(30_000);
    await tick();
    expect(wanting('1.0.0').map(({ name }) => name)).toEqual(['pi-a', 'pi-b']);
  });

  it('keeps to maintenance windows', async () => {
    // The clock stands at midnight UTC.
    await labelDevice(world, { name: 'pi-a', set: { maintenance: '0200-0300' }, remove: [], actor: 'ann' });
    const bad = { name: 'pi-b', set: { maintenance: 'night' }, remove: [], actor: 'ann' };
    await expect(labelDevice(world, bad)).rejects.toThrow(/expected hours such as/);
    const id = await start('1.0.0');
    await tick();
    expect(wanting('1.0.0').map(({ name }) => name)).toEqual(['pi-b', 'pi-c', 'pi-d']);
    expect((await show(id)).explanation).toContain(
      'pi-a waiting for the maintenance window, first open 2026-01-01T02:00Z',
    );
    world.pass(2 * 3600_000);
    await tick();
    expect(wanting('1.0.0').map(({ name }) => name)).toContain('pi-a');
  });
});

describe('evidence', () => {
  it('that is missing is asked for, both versions one after the other; a judged wave does not wake its own tick', async () => {
    await rollOutAll('1.0.0');
    world.pass(3600_000);
    const id = await start('1.1.0', { to: 'pi-a', gates: ['latency.p50<=1.2x'] });
    await tick();
    await at(0).install();
    await tick();
    const asked = at(0).commands.map(({ body }) => body.kind === 'bench' && body.request.version);
    expect(asked).toEqual(['1.0.0', '1.1.0']);
    // The first turn tells how far it is; the others find nothing new.
    await advanceRollouts(world);
    let commits = 0;
    world.store.committed.listen(() => commits++);
    for (let turn = 0; turn < 20; turn++) await advanceRollouts(world);
    expect(commits).toBe(0);
    for (const { commandId, body: order } of at(0).commands) {
      if (order.kind !== 'bench') continue;
      const wanted = { ...at(0).desired?.models[0], ...order.request, variant: 'onnxruntime-fp16' };
      await at(0).report({ kind: 'job', jobId: commandId, to: 'SUCCEEDED', bench: benchOf(wanted as never) });
    }
    await tick();
    expect(await show(id)).toMatchObject({
      state: 'SUCCEEDED',
      waves: [{ gates: [{ metric: 'latency.p50', verdict: 'pass', value: 1, low: 1, high: 1, n: 10 }, {}] }],
    });
    const kinds = (await decisions.of(world.store.db, id)).map(({ kind }) => kind);
    expect(kinds).toEqual(['start', 'start-wave', 'judge', 'measure-again', 'judge', 'succeed']);
  });

  it('that nobody can read halts the rollout instead of passing it', async () => {
    const id = await start('1.0.0');
    await sql`update rollouts set gates_json = '["quality>=lots"]'`.execute(world.store.db);
    await tick();
    expect(await show(id)).toMatchObject({ state: 'PAUSED', explanation: expect.stringContaining('no number') });
    expect(wanting('1.0.0')).toEqual([]);
  });
});

it('a device that failed for a reason that may pass tries again, and goes back to the same version as before', async () => {
  await rollOutAll('1.0.0');
  const before = at(0).desired?.models[0]?.installationId;
  const id = await start('1.1.0', { to: 'pi-a', retries: 1 });
  await tick();
  await at(0).install({}, 'ROLLED_BACK');
  await tick();
  expect(await show(id)).toMatchObject({
    state: 'RUNNING',
    explanation: expect.stringContaining('pi-a will try again'),
  });
  expect(at(0).desired?.models).toMatchObject([{ installationId: before }]);
  world.pass(31_000);
  await tick();
  await at(0).install({}, 'ROLLED_BACK');
  await tick();
  expect(at(0).desired?.models).toMatchObject([{ installationId: before }]);
  expect(await show(id)).toMatchObject({
    state: 'STOPPED',
    explanation: expect.stringContaining('1 of 1 device failed'),
  });
  const why = await viewDeviceWhy(world.store.db, (await devices.byName(world.store.db, 'pi-a')) as devices.Device);
  expect(why.models).toMatchObject([{ version: '1.0.0', variant: 'onnxruntime-fp16' }]);
  const told = why.models[0]?.because.map(({ what }) => what).join('\n');
  expect(told).toMatch(
    /started by ann: shapes@1\.0\.0[\s\S]*1\.0\.0 COMMITTED[\s\S]*1\.1\.0 ROLLED_BACK: golden[\s\S]*tries again/,
  );
});

it('a wave whose devices have used up their attempts is decided at once, also where so many may fail', async () => {
  await rollOutAll('1.0.0');
  const id = await start('1.1.0', {
    ...{ to: 'pi-a,pi-b', waves: ['100%'], retries: 1, waveDeadlineMs: 3 * 3600_000 },
    gates: ['quality>=4', 'failures<=2'],
  });
  await tick();
  for (const index of [0, 1]) await at(index).install({}, 'ROLLED_BACK');
  await tick();
  expect((await show(id)).state).toBe('RUNNING');
  world.pass(31_000);
  await tick();
  await at(0).install({}, 'ROLLED_BACK');
  await tick();
  expect((await show(id)).state, 'pi-b is still at it').toBe('RUNNING');
  await at(1).install({}, 'ROLLED_BACK');
  await tick();
  expect(['ROLLING_BACK', 'STOPPED']).toContain((await show(id)).state);
});

describe('two operators', () => {
  it('the second is told who and when, and refused', async () => {
    const id = await start('1.0.0');
    await tick();
    const { revision } = await show(id);
    await pauseRollout(world, { rolloutId: id, expect: String(revision), actor: 'bob' });
    await expect(
      abortRollout(world, { rolloutId: id, rollBack: true, expect: String(revision), actor: 'ann' }),
    ).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/is PAUSED at revision 2: paused by bob at 2026-01-01T\S+; you expected 1/),
    });
    await expect(resumeRollout(world, { rolloutId: id, expect: 'RUNNING', actor: 'ann' })).rejects.toThrow(/by bob/);
    await resumeRollout(world, { rolloutId: id, expect: 'PAUSED', actor: 'ann' });
    expect(await show(id)).toMatchObject({ state: 'RUNNING', revision: 3, changedBy: 'ann' });
  });

  it('never fight over a device: priority takes it, an equal is refused, supersede ends the other', async () => {
    const first = await start('1.0.0', { waves: ['1', '100%'] });
    await expect(start('1.1.0', { to: 'pi-b' }, 'bob')).rejects.toThrow(
      /already belongs to rollout .* started by ann at/,
    );
    expect(await planRollout(world, body('1.1.0', { to: 'pi-b' }))).toMatchObject({
      conflicts: [{ takenOver: false }],
    });
    const second = await start('1.1.0', { to: 'pi-b', priority: 5 }, 'bob');
    await tick();
    expect(at(1).desired?.models).toMatchObject([{ version: '1.1.0' }]);
    const { waves } = await show(first);
    expect(waves.flatMap(({ devices: names }) => names)).not.toContain('pi-b');
    expect(waves.flatMap(({ taken }) => taken)).toEqual([{ device: 'pi-b', by: second }]);
    // The first one's way back leaves the device of the second alone.
    await abortRollout(world, { rolloutId: first, rollBack: true, actor: 'ann' });
    await tick();
    expect(at(1).desired?.models).toMatchObject([{ version: '1.1.0' }]);
    const third = await start('1.0.0', { supersede: true }, 'cleo');
    expect(await show(second)).toMatchObject({ state: 'SUPERSEDED', explanation: expect.stringContaining(third) });
    await tick();
    expect(at(1).desired?.models).toMatchObject([{ version: '1.0.0' }]);
  });

  it('keep what they did on a device that a later one has now', async () => {
    const first = await start('1.0.0');
    await tick();
    for (const device of wanting('1.0.0')) await device.install();
    await tick();
    const before = await show(first);
    expect(before).toMatchObject({ state: 'SUCCEEDED', waves: [{ committed: 4, total: 4 }] });
    await start('1.1.0');
    await tick();
    expect((await show(first)).waves).toEqual(before.waves);
  });
});

describe('targets', () => {
  it('that are dynamic take devices in that come to match, until their end', async () => {
    const id = await start('1.0.0', { dynamicForMs: 3600_000 });
    await tick();
    for (const device of wanting('1.0.0')) await device.install();
    await tick();
    expect(await show(id)).toMatchObject({ state: 'RUNNING', explanation: expect.stringContaining('taken in until') });
    await join('pi-new');
    await takeInDevices(world);
    await tick();
    expect(wanting('1.0.0').map(({ name }) => name)).toEqual(['pi-new']);
    await at(4).install();
    world.pass(3600_000);
    await tick();
    expect(await show(id)).toMatchObject({ state: 'SUCCEEDED', explanation: expect.stringContaining('5 of 5') });
    await join('pi-late');
    await takeInDevices(world);
    await tick();
    expect(wanting('1.0.0')).toEqual([]);
  });

  it('by group and by share', async () => {
    await saveGroup(world, { name: 'two', selector: 'pi-a,pi-b', actor: 'ann' });
    const plan = await planRollout(world, body('1.0.0', { to: '@two' }));
    expect(plan.devices.map(({ device }) => device)).toEqual(['pi-a', 'pi-b']);
    expect((await planRollout(world, body('1.0.0', { to: '50% of @two' }))).devices).toHaveLength(1);
    await expect(start('1.0.0', { to: '@three' })).rejects.toThrow(/no group "@three"/);
    await expect(start('9.9.9')).rejects.toThrow(/shapes@9\.9\.9 is not published/);
  });
});
