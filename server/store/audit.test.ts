import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as audit from './audit.ts';

let world: TestWorld;

beforeEach(async () => {
  world = await makeWorld();
  for (const subject of ['a', 'b', 'c'])
    await world.store.write((tx) =>
      audit.append(tx, { atMs: 1, actor: 'test', action: 'do', subject, details: { n: 1 } }),
    );
});
afterEach(() => world.end());

const behindItsBack = (statement: string) => {
  const database = new SqliteDatabase(join(world.folder, 'stillhouse.db'));
  database.exec(`DROP TRIGGER audit_keep; DROP TRIGGER audit_stay; ${statement}`);
  database.close();
};

it('is append-only', async () => {
  await expect(world.store.db.updateTable('audit').set({ actor: 'x' }).execute()).rejects.toThrow(/append-only/);
  await expect(world.store.db.deleteFrom('audit').execute()).rejects.toThrow(/append-only/);
  await expect(world.store.db.deleteFrom('transitions').execute()).resolves.toBeDefined();
  expect((await audit.list(world.store.db, 2)).map(({ subject }) => subject)).toEqual(['c', 'b']);
});

it('holds together, and shows where it was changed', async () => {
  expect(await audit.firstBreak(world.store.db)).toBeNull();
  behindItsBack(`UPDATE audit SET actor = 'somebody' WHERE sequence = 2`);
  expect(await audit.firstBreak(world.store.db)).toBe(2);
});

it('shows that a row was taken out', async () => {
  behindItsBack('DELETE FROM audit WHERE sequence = 2');
  expect(await audit.firstBreak(world.store.db)).toBe(3);
});
