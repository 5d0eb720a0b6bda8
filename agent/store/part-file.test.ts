import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Blobs } from './blobs.ts';
import { PartFile } from './part-file.ts';
import { Slots } from './slots.ts';
import { systemDisk } from './system-disk.ts';

const PIECE = 4096;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function artifactOf(bytes: Buffer, pieces = true) {
  const chunks = [];
  for (let at = 0; at < Math.max(1, bytes.length); at += PIECE) chunks.push(sha256(bytes.subarray(at, at + PIECE)));
  return {
    path: 'unet/model.onnx',
    sha256: sha256(bytes),
    sizeBytes: bytes.length,
    ...(pieces && { chunks: { chunkSizeBytes: PIECE, sha256: chunks } }),
  };
}

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-part-'));
  path = join(folder, 'x.part');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('PartFile', () => {
  it('takes bytes in any cut, over any number of interruptions, and ends with the whole', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 3 * PIECE }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 * PIECE }), cuts, fc.boolean(), async (size, sizes, pieces) => {
        const bytes = randomBytes(size);
        const artifact = artifactOf(bytes, pieces);
        let part = await PartFile.open(artifact, path, systemDisk);
        for (let turn = 0; !part.isComplete; turn++) {
          const count = sizes[turn % sizes.length] as number;
          expect(await part.write(bytes.subarray(part.offset, part.offset + count))).toEqual({ kind: 'written' });
          if (turn % 2 === 1) {
            const { offset } = part;
            await part.close();
            part = await PartFile.open(artifact, path, systemDisk);
            expect(part.offset).toBe(offset);
          }
        }
        expect(await part.finish(join(folder, 'whole'))).toEqual({ kind: 'written' });
        expect(readFileSync(join(folder, 'whole')).equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('cuts a wrong piece off at once and keeps the good ones', async () => {
    const bytes = randomBytes(3 * PIECE);
    const wrong = Buffer.from(bytes);
    wrong[PIECE + 5] = (wrong[PIECE + 5] as number) ^ 1;
    const part = await PartFile.open(artifactOf(bytes), path, systemDisk);
    expect(await part.write(wrong)).toMatchObject({ kind: 'mismatch', message: expect.stringContaining('piece 1') });
    expect(part.offset).toBe(PIECE);
    expect(statSync(path).size).toBe(PIECE);
    expect(await part.write(bytes.subarray(PIECE))).toEqual({ kind: 'written' });
    expect(await part.finish(join(folder, 'whole'))).toEqual({ kind: 'written' });
  });

  it('refuses more bytes than announced and can still go on', async () => {
    const bytes = randomBytes(2 * PIECE);
    const part = await PartFile.open(artifactOf(bytes), path, systemDisk);
    await part.write(bytes);
    expect(await part.write(Buffer.from('more'))).toMatchObject({ kind: 'mismatch' });
    expect(part.offset).toBe(2 * PIECE);
    expect(await part.finish(join(folder, 'whole'))).toEqual({ kind: 'written' });
  });

  it('finds damage that happened while nobody looked', async () => {
    const bytes = randomBytes(3 * PIECE);
    const damaged = Buffer.from(bytes);
    damaged[PIECE] = (damaged[PIECE] as number) ^ 255;
    writeFileSync(path, damaged.subarray(0, 2 * PIECE + 100));
    const part = await PartFile.open(artifactOf(bytes), path, systemDisk);
    expect(part.offset).toBe(PIECE);
    await part.close();
    writeFileSync(path, randomBytes(4 * PIECE));
    expect((await PartFile.open(artifactOf(bytes), path, systemDisk)).offset).toBe(0);
  });

  it('throws a wrong whole away', async () => {
    const bytes = randomBytes(100);
    const part = await PartFile.open(artifactOf(bytes, false), path, systemDisk);
    await part.write(randomBytes(100));
    expect(await part.finish(join(folder, 'whole'))).toMatchObject({ kind: 'mismatch' });
    expect(() => statSync(path)).toThrow();
    expect(() => statSync(join(folder, 'whole'))).toThrow();
  });
});

describe('Blobs and Slots', () => {
  it('lay a version out by links, notice damage, and take away what is not kept', async () => {
    for (const part of ['blobs', 'slots']) mkdirSync(join(folder, part));
    const blobs = new Blobs(join(folder, 'blobs'), systemDisk);
    const slots = new Slots(join(folder, 'slots'), systemDisk);
    const [one, two] = [randomBytes(100), randomBytes(200)];
    await blobs.put(sha256(one), one);
    await blobs.put(sha256(two), two);
    const files = [
      { path: 'a/b/one.bin', blob: blobs.path(sha256(one)) },
      { path: 'two.bin', blob: blobs.path(sha256(two)) },
    ];
    await slots.build('slot', files);
    expect(await slots.isBuilt('slot', files)).toBe(true);
    expect(readFileSync(join(slots.path('slot'), 'a/b/one.bin')).equals(one)).toBe(true);
    expect(statSync(join(slots.path('slot'), 'two.bin')).ino).toBe(statSync(blobs.path(sha256(two))).ino);

    expect(await blobs.isIntact({ sha256: sha256(one), sizeBytes: 100 })).toBe(true);
    writeFileSync(blobs.path(sha256(one)), randomBytes(100));
    expect(await blobs.isIntact({ sha256: sha256(one), sizeBytes: 100 })).toBe(false);
    await blobs.put(sha256(one), one);
    expect(await slots.isBuilt('slot', files), 'the slot still holds the damaged file').toBe(false);
    await slots.build('slot', files);
    expect(readFileSync(join(slots.path('slot'), 'a/b/one.bin')).equals(one)).toBe(true);

    truncateSync(join(slots.path('slot'), 'two.bin'), 3);
    expect(await blobs.isIntact({ sha256: sha256(two), sizeBytes: 200 })).toBe(false);
    await slots.build('other', files.slice(0, 1));
    expect(await slots.keepOnly(new Set(['slot']))).toEqual(['other']);
    expect(await blobs.keepOnly(new Set())).toBe(100);
    expect(await blobs.missingBytes([artifactOf(one, false), artifactOf(one, false), artifactOf(two)])).toBe(300);
  });
});
