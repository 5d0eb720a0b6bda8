import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { DatabaseConnection } from './database.ts';
import { openStore } from './open-store.ts';

let world: TestWorld;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.end());

const insertKey = (tx: Parameters<Parameters<typeof world.store.write>[0]>[0], key_id: string) =>
  tx
    .insertInto('api_keys')
    .values({ key_id, name: 'n', scope: 'viewer', secret_sha256: 'x', created_ms: 1, revoked_ms: null })
    .execute();
const keys = async () =>
  (await world.store.db.selectFrom('api_keys').select('key_id').execute()).map(({ key_id }) => key_id);

describe('a write', () => {
  it('that throws leaves nothing behind, and the next one goes on', async () => {
    const failing = world.store.write(async (tx) => {
      await insertKey(tx, 'a');
      throw new Error('no');
    });
    const next = world.store.write((tx) => insertKey(tx, 'b'));
    await expect(failing).rejects.toThrow('no');
    await next;
    expect(await keys()).toEqual(['b']);
  });

  it('that changes nothing wakes nobody', async () => {
    let wakings = 0;
    world.store.committed.listen(() => wakings++);
    await world.store.write((tx) => tx.selectFrom('api_keys').selectAll().execute());
    expect(wakings).toBe(0);
    await world.store.write((tx) => insertKey(tx, 'a'));
    expect(wakings).toBe(1);
  });

  it('that turns out to promise something resolves when the disk has it', async () => {
    const connection = await DatabaseConnection.open(join(world.folder, 'promises.db'));
    const pragma = vi.spyOn(connection.sqlite, 'pragma');
    const synced = () => pragma.mock.calls.filter(([text]) => text.startsWith('wal_checkpoint')).length;
    const work = (promised: boolean, key: string) => async (tx: Parameters<typeof insertKey>[0]) => {
      await insertKey(tx, key);
      return promised;
    };
    await connection.write(work(false, 'a'), { durable: (promised) => promised });
    expect(synced()).toBe(0);
    await connection.write(work(true, 'b'), { durable: (promised) => promised });
    expect(synced()).toBe(1);
    await connection.close();
  });

  it('waits for those before it, durable or not', async () => {
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3].map((i) =>
        world.store.write(
          async (tx) => {
            await insertKey(tx, `k${i}`);
            await new Promise((resolve) => setTimeout(resolve, 5 - i));
            order.push(i);
          },
          { durable: i % 2 === 0 },
        ),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('tells those who listen, once it is committed', async () => {
    const seen: string[][] = [];
    const pending: Promise<unknown>[] = [];
    const stop = world.store.committed.listen(() => pending.push(keys().then((list) => seen.push(list))));
    await world.store.write((tx) => insertKey(tx, 'a'));
    stop();
    await world.store.write((tx) => insertKey(tx, 'b'));
    await Promise.all(pending);
    expect(seen.length).toBe(1);
  });
});

describe('a data folder', () => {
  it('belongs to one server at a time', async () => {
    await expect(openStore(world.folder)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(world.folder),
    });
  });

  it('of a newer server is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stillhouse-newer-'));
    const database = new SqliteDatabase(join(folder, 'stillhouse.db'));
    database.pragma('user_version = 99');
    database.close();
    await expect(openStore(folder)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('newer server'),
    });
    rmSync(folder, { recursive: true });
  });
});

describe('files', () => {
  const bytes = Buffer.from('some bytes');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const incoming = () => readdirSync(join(world.folder, 'blobs', 'incoming'));

  it('stand under their digest', async () => {
    const received = await world.store.blobs.receive(Readable.from([bytes]), { maxBytes: 100, expectedSha256: sha256 });
    expect(received).toEqual({ sha256, sizeBytes: bytes.length });
    expect(world.store.blobs.pathOf(sha256)).toBe(join(world.folder, 'blobs', sha256.slice(0, 2), sha256));
    expect(existsSync(world.store.blobs.pathOf(sha256))).toBe(true);
  });

  it.each([
    ['another digest', { maxBytes: 100, expectedSha256: 'a'.repeat(64) }, 'unprocessable'],
    ['too many bytes', { maxBytes: 3 }, 'too_large'],
  ])('with %s are refused, and nothing of them is kept', async (_, options, code) => {
    await expect(world.store.blobs.receive(Readable.from([bytes]), options)).rejects.toMatchObject({ code });
    expect([existsSync(world.store.blobs.pathOf(sha256)), incoming()]).toEqual([false, []]);
  });

  it('that break off are not kept', async () => {
    const broken = Readable.from(
      (async function* () {
        yield bytes;
        throw new Error('cut off');
      })(),
    );
    await expect(world.store.blobs.receive(broken, { maxBytes: 100 })).rejects.toThrow('cut off');
    expect(incoming()).toEqual([]);
  });

  it('left half-written by an earlier process are swept away', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stillhouse-sweep-'));
    mkdirSync(join(folder, 'blobs', 'incoming'), { recursive: true });
    writeFileSync(join(folder, 'blobs', 'incoming', 'half'), 'x');
    const store = await openStore(folder);
    expect(readdirSync(join(folder, 'blobs', 'incoming'))).toEqual([]);
    await store.close();
    rmSync(folder, { recursive: true });
  });
});
