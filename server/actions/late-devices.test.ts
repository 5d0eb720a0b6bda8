// Devices that come after all waves have passed: from a drawer, or new to a dynamic rollout. They are a wave of their own.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as decisions from '../store/decisions.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { approveRollout } from './approve-rollout.ts';
import { pauseRollout } from './pause-rollout.ts';
import { resumeRollout } from './resume-rollout.ts';
import { startRollout } from './start-rollout.ts';
import { takeInDevices } from './take-in-devices.ts';

let world: TestWorld;
let fleet: Map<string, MadeDevice>;

beforeEach(async () => {
  world = await makeWorld();
  fleet = new Map();
  for (const name of ['pi-a', 'pi-b', 'pi-c', 'pi-d', 'pi-e']) await join(name);
  await publishMade(world, '1.0.0');
  await publishMade(world, '1.1.0');
});
afterEach(() => world.end());

async function join(name: string): Promise<MadeDevice> {
  const device = await MadeDevice.enrol(world, name, { site: 'home' });
  await device.hello();
  fleet.set(name, device);
  return device;
}
const pi = (letter: string) => fleet.get(`pi-${letter}`) as MadeDevice;
const start = (over: Record<string, unknown> = {}) =>
  startRollout(world, {
    ...StartRolloutBody.parse({ model: 'shapes', version: '1.0.0', to: 'site=home', ...over }),
    actor: 'ann',
  });
const show = async (rolloutId: string) => viewRollout(world.store.db, await rollouts.get(world.store.db, rolloutId));
const tick = async () => {
  world.pass(100);
  await takeInDevices(world);
  await advanceRollouts(world);
  for (const device of fleet.values()) await device.receive();
};
const isAsked = (letter: string) => (pi(letter).desired?.models ?? []).length > 0;
const ugly = { quality: { score: 2, adherence: 0.4, whole: 0, pictures: Array(20).fill(0.4) } };

/** It succeeds on pi-a alone; the others come later. */
async function succeedWithout(letters: string[], over: Record<string, unknown> = {}): Promise<string> {
  for (const letter of letters) await pi(letter).goodbye();
  const id = await start(over);
  await tick();
  await pi('a').install();
  await tick();
  return id;
}
async function comes(letter: string): Promise<void> {
  await pi(letter).hello();
  await tick();
}

it('the first that fails is the last that begins; those that are done keep it, and it says so', async () => {
  const id = await succeedWithout(['b', 'c', 'd', 'e']);
  expect((await show(id)).state).toBe('SUCCEEDED');
  await comes('b');
  await pi('b').install();
  await tick();
  expect(await show(id)).toMatchObject({
    explanation: 'all of one wave passed: 2 of 5 devices committed; pi-c, pi-d, pi-e will get it when within reach',
  });
  await comes('c');
  await pi('c').install({}, 'ROLLED_BACK');
  await tick();
  await comes('d');
  expect(isAsked('d')).toBe(false);
  expect([isAsked('a'), isAsked('b'), isAsked('c')]).toEqual([true, true, false]);
  const { state, explanation, lateHold, changedWhat, changedBy } = await show(id);
  expect({ state, changedWhat, changedBy }).toEqual({
    ...{ state: 'SUCCEEDED', changedWhat: 'held back', changedBy: 'the server' },
  });
  expect(lateHold?.because).toBe('pi-c came late: 1 of 2 devices failed (pi-c), breaks failures<=0');
  expect(explanation).toBe(
    'all of one wave passed: 2 of 5 devices committed; pi-c failed; ' +
      'no further device begins since 2026-01-01T00:00Z: pi-c came late: 1 of 2 devices failed (pi-c), breaks failures<=0; ' +
      'pi-d, pi-e left as they are; "resume" takes devices again',
  );
  expect((await decisions.of(world.store.db, id)).map(({ kind }) => kind)).toContain('hold-late');
});

it('whoever resumes it has them counted anew', async () => {
  const id = await succeedWithout(['b', 'c', 'd', 'e'], { gates: ['failures<=1'] });
  await comes('b');
  await pi('b').install({}, 'ROLLED_BACK');
  await tick();
  expect((await show(id)).lateHold, 'one may fail').toBeNull();
  await comes('c');
  await pi('c').install({}, 'ROLLED_BACK');
  await tick();
  await comes('d');
  expect(isAsked('d')).toBe(false);
  await resumeRollout(world, { rolloutId: id, actor: 'bob' });
  expect(await show(id)).toMatchObject({ state: 'SUCCEEDED', lateHold: null, changedBy: 'bob' });
  expect((await show(id)).explanation).toMatch(/pi-b, pi-c failed; pi-d still to come; pi-e will get it/);
  await tick();
  await pi('d').install({}, 'ROLLED_BACK');
  await tick();
  expect((await show(id)).lateHold, 'the first since').toBeNull();
  await comes('e');
  expect(isAsked('e')).toBe(true);
});

it('one that measures badly goes back by itself, and ends it too; one that does well is not sent back for others', async () => {
  const id = await succeedWithout(['b', 'c', 'd', 'e'], { gates: ['quality>=4', 'failures<=3'] });
  await comes('b');
  await comes('c');
  await pi('b').install(ugly);
  await tick();
  expect(isAsked('b')).toBe(false);
  expect((await show(id)).lateHold?.because).toMatch(/^pi-b came late: quality 2\.00 .* is below 4$/);
  await pi('c').install();
  await tick();
  expect(isAsked('c'), 'it was under way').toBe(true);
  expect((await show(id)).explanation).toMatch(
    /^all of one wave passed: 2 of 5 devices committed; pi-b committed and sent back; no further/,
  );
});

it('in a dynamic rollout a newcomer that fails sends nobody back, and no other is taken in', async () => {
  const id = await start({ to: 'site=home', dynamicForMs: 3600_000 });
  await tick();
  for (const device of fleet.values()) await device.install();
  await tick();
  expect((await show(id)).state).toBe('RUNNING');
  const newcomer = await join('pi-f');
  await tick();
  await newcomer.install({}, 'ROLLED_BACK');
  await tick();
  await join('pi-g');
  await tick();
  expect(isAsked('g')).toBe(false);
  expect(['a', 'b', 'c', 'd', 'e'].every(isAsked)).toBe(true);
  expect(await show(id)).toMatchObject({
    state: 'RUNNING',
    lateHold: { because: expect.stringMatching(/^pi-f came/) },
  });
  await resumeRollout(world, { rolloutId: id, actor: 'ann' });
  await tick();
  expect(isAsked('g')).toBe(true);
  world.pass(3600_000);
  await tick();
  expect((await show(id)).state).toBe('SUCCEEDED');
});

it('in a wave that somebody approved, one that does well does not bring back what they passed over', async () => {
  await pi('e').goodbye();
  const id = await start({ waves: ['100%'], onFailure: 'pause' });
  await tick();
  await pi('b').install({}, 'ROLLED_BACK');
  for (const letter of ['a', 'c', 'd']) await pi(letter).install();
  await tick();
  expect((await show(id)).state).toBe('PAUSED');
  await approveRollout(world, { rolloutId: id, actor: 'ann' });
  await comes('e');
  await pi('e').install();
  await tick();
  expect(await show(id)).toMatchObject({ state: 'SUCCEEDED', lateHold: null, waves: [{ committed: 4, failed: 1 }] });
  expect(isAsked('e')).toBe(true);
});

it('an operator can hold them back, of a rollout that has succeeded too', async () => {
  const id = await succeedWithout(['b', 'c', 'd', 'e']);
  await pauseRollout(world, { rolloutId: id, actor: 'ann' });
  await comes('b');
  expect(isAsked('b')).toBe(false);
  expect(await show(id)).toMatchObject({
    state: 'SUCCEEDED',
    changedBy: 'ann',
    lateHold: { because: 'paused by ann' },
  });
  await resumeRollout(world, { rolloutId: id, actor: 'ann' });
  await tick();
  expect(isAsked('b')).toBe(true);
});
