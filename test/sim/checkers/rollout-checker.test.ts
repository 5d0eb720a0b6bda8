// Late devices are rare in a simulated hour, so that the checker's eye for them is tested on a rollout made for it.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { advanceRollouts } from '../../../server/actions/advance-rollouts.ts';
import { resumeRollout } from '../../../server/actions/resume-rollout.ts';
import { startRollout } from '../../../server/actions/start-rollout.ts';
import { StartRolloutBody } from '../../../shared/http-api.ts';
import { MadeDevice } from '../../server/made-device.ts';
import { publishMade } from '../../server/make-version.ts';
import { makeWorld, type TestWorld } from '../../server/make-world.ts';
import type { SimServer } from '../server.ts';
import { RolloutChecker } from './rollout-checker.ts';

let world: TestWorld;
let sqlite: Database.Database;

beforeEach(async () => {
  world = await makeWorld();
  sqlite = new Database(join(world.folder, 'stillhouse.db'));
  await publishMade(world, '1.0.0');
});
afterEach(async () => {
  sqlite.close();
  await world.end();
});

/** It succeeds on one device; a second one comes late and fails, `between` happens, and a third one comes. */
async function lateFailure(ending: 'COMMITTED' | 'ROLLED_BACK', between: (rolloutId: string) => Promise<void>) {
  const checker = new RolloutChecker({ database: { sqlite } } as unknown as SimServer, () => world.clock.now());
  const devices: MadeDevice[] = [];
  for (const name of ['pi-a', 'pi-b', 'pi-c']) devices.push(await MadeDevice.enrol(world, name));
  const tick = async () => {
    world.pass(100);
    await advanceRollouts(world);
    for (const device of devices) await device.receive();
    checker.check(new Set(['installations']));
  };
  await devices[0]?.hello();
  const body = StartRolloutBody.parse({ model: 'shapes', version: '1.0.0', to: 'all' });
  const id = await startRollout(world, { ...body, actor: 'test' });
  await tick();
  await devices[0]?.install();
  await tick();
  await devices[1]?.hello();
  await tick();
  await devices[1]?.install({ quality: null }, ending);
  await tick();
  await between(id);
  await devices[2]?.hello();
  await tick();
  return devices[2]?.desired?.models.length;
}

const forget = `CREATE TRIGGER forget AFTER UPDATE OF late_held_ms ON rollouts WHEN NEW.late_held_ms IS NOT NULL
  BEGIN UPDATE rollouts SET late_held_ms = NULL WHERE rollout_id = NEW.rollout_id; END`;

it('finds a device that begins although one before it came late and failed', async () => {
  sqlite.exec(forget);
  await expect(lateFailure('ROLLED_BACK', async () => {})).rejects.toThrow(
    /^waves hold: .* that came late had failed$/,
  );
});

it('finds it also where nobody has written down that it was judged', async () => {
  sqlite.exec(forget);
  sqlite.exec(
    `CREATE TRIGGER unsaid BEFORE INSERT ON decisions WHEN NEW.kind = 'judge-late' BEGIN SELECT RAISE(IGNORE); END`,
  );
  await expect(lateFailure('ROLLED_BACK', async () => {})).rejects.toThrow(/^waves hold/);
});

it('lets others begin after one that did well', async () => {
  expect(await lateFailure('COMMITTED', async () => {})).toBe(1);
});

it('counts anew when somebody has resumed it', async () => {
  const resume = (rolloutId: string) => resumeRollout(world, { rolloutId, actor: 'ann' });
  expect(await lateFailure('ROLLED_BACK', resume)).toBe(1);
});
