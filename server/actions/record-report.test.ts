import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { benchOf, MadeDevice } from '../../test/server/made-device.ts';
import { publishMade } from '../../test/server/make-version.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as installations from '../store/installations.ts';
import { advanceRollouts } from './advance-rollouts.ts';
import { startRollout } from './start-rollout.ts';

let world: TestWorld;
let pi: MadeDevice;
let installationId: string;

beforeEach(async () => {
  world = await makeWorld();
  pi = await MadeDevice.enrol(world, 'pi');
  await pi.hello();
  await publishMade(world, '1.0.0');
  const body = StartRolloutBody.parse({ model: 'shapes', version: '1.0.0', to: 'pi' });
  await startRollout(world, { ...body, actor: 'test' });
  await advanceRollouts(world);
  installationId = (await installations.openOf(world.store.db, pi.deviceId))[0]?.installationId ?? '';
});
afterEach(() => world.end());

const state = async () => (await installations.find(world.store.db, installationId))?.state;
const transitions = async () =>
  (await world.store.db.selectFrom('transitions').selectAll().orderBy('transition_id').execute()).map(
    (row) => `${row.from_state} ${row.to_state}`,
  );
const step = (from: never, to: never) => ({ kind: 'installation' as const, installationId, from, to });

it('a report that leaves NOTIFIED proves the notification', async () => {
  await pi.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 1);
  expect(await transitions()).toEqual(['QUEUED NOTIFIED', 'NOTIFIED DOWNLOADING']);
});

it('the same report again changes nothing and is acknowledged again', async () => {
  for (let i = 0; i < 3; i++) await pi.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 1);
  await pi.receive();
  expect([await transitions(), pi.acks]).toEqual([['QUEUED NOTIFIED', 'NOTIFIED DOWNLOADING'], [1]]);
  await pi.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 1);
  await pi.receive();
  expect(pi.acks).toEqual([1, 1]);
});

it('an old report is acknowledged with the newest number', async () => {
  await pi.report({ kind: 'running', running: [] }, 7);
  await pi.report({ kind: 'running', running: [] }, 3);
  await pi.receive();
  expect(pi.acks).toEqual([7]);
  expect(world.logged).toMatchObject([{ message: 'reports are missing', details: { after: 0, before: 7 } }]);
});

it('an illegal transition is refused with both states named, and still acknowledged', async () => {
  await pi.report(step('VERIFIED' as never, 'COMMITTED' as never), 1);
  expect(await state()).toBe('QUEUED');
  expect(world.logged.at(-1)).toMatchObject({ level: 'warn', details: { from: 'VERIFIED', to: 'COMMITTED' } });
  await pi.receive();
  expect(pi.acks).toEqual([1]);
});

it('a gap in the states is filled: the device cannot be there without them', async () => {
  await pi.report(step('STAGED' as never, 'ACTIVATING' as never), 1);
  expect(await transitions()).toEqual([
    'QUEUED NOTIFIED',
    'NOTIFIED DOWNLOADING',
    'DOWNLOADING VERIFIED',
    'VERIFIED STAGED',
    'STAGED ACTIVATING',
  ]);
  // What was filled in comes late after all.
  await pi.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 2);
  expect([await state(), (await transitions()).length]).toEqual(['ACTIVATING', 5]);
});

it('a device that began anew on a new disk, and ends before it is as far as it was, has ended', async () => {
  await pi.report(step('ACTIVATING' as never, 'PROBING' as never), 1);
  const reason = { code: 'manifest_invalid' as const, message: 'its digest is another' };
  await pi.report({ ...step('NOTIFIED' as never, 'REJECTED' as never), reason }, 2);
  expect([await state(), (await transitions()).at(-1)]).toEqual(['REJECTED', 'PROBING REJECTED']);
});

it('an end is final', async () => {
  await pi.report(
    { ...step('NOTIFIED' as never, 'FAILED' as never), reason: { code: 'disk_full', message: '12 bytes missing' } },
    1,
  );
  await pi.report(step('PROBING' as never, 'COMMITTED' as never), 2);
  const stored = await installations.find(world.store.db, installationId);
  expect(stored).toMatchObject({ state: 'FAILED', reason: { code: 'disk_full' }, deadlineMs: null });
});

it('another device cannot move it', async () => {
  const other = await MadeDevice.enrol(world, 'other');
  await other.hello();
  await other.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 1);
  expect(await state()).toBe('QUEUED');
  const wanted = {
    installationId,
    model: 'shapes',
    version: '1.0.0',
    versionDigest: 'a'.repeat(64),
    variant: 'v',
    role: 'current',
    probe: 'probe',
  } as const;
  await other.report({ kind: 'probe', installationId, result: benchOf(wanted) }, 2);
  expect(await world.store.db.selectFrom('bench_runs').selectAll().execute()).toEqual([]);
});

it('a new disk counts its reports anew, and the old one keeps its own count', async () => {
  await pi.report({ kind: 'running', running: [] }, 9, 'old');
  await pi.report(step('NOTIFIED' as never, 'DOWNLOADING' as never), 1, 'new');
  await pi.report(step('DOWNLOADING' as never, 'VERIFIED' as never), 5, 'old');
  expect(await transitions()).toEqual(['QUEUED NOTIFIED', 'NOTIFIED DOWNLOADING']);
  const owed = await world.store.db.selectFrom('outgoing').select('payload_json').where('kind', '=', 'ack').execute();
  expect(owed.map((row) => JSON.parse(row.payload_json))).toMatchObject([
    { upTo: 1, outboxId: 'new' },
    { upTo: 9, outboxId: 'old' },
  ]);
});
