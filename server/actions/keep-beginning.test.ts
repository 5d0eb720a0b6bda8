import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodePng } from '../../agent/pipeline/png.ts';
import { limits } from '../../shared/limits.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import { keepBeginning } from './keep-beginning.ts';

let world: TestWorld;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.end());

const image = encodePng({ width: 6, height: 4, rgb: new Uint8Array(72) });
const keep = (over: object, bytes: Uint8Array | undefined = image) => keepBeginning(world, { image: bytes, ...over });

it('keeps the bytes and tells their size', async () => {
  const kept = await keep({ strength: 0.5 });
  expect(kept).toMatchObject({ width: 6, height: 4, image: { sizeBytes: image.length } });
  expect(await world.store.pictures.has((kept as { image: { sha256: string } }).image.sha256)).toBe(true);
  expect(await keep({ width: 6, height: 4 })).toEqual(kept);
});

it.each([
  ['another size', { width: 8, height: 4 }, image, '6x4, and 8x4 was asked for'],
  ['no PNG', {}, Buffer.from('GIF89a'), 'image: these bytes do not begin like a PNG'],
  ['too many bytes', {}, new Uint8Array(limits.beginningBytes + 1), 'image: 2750001 bytes'],
  ['a side too long', {}, withWidth(5000), 'it is 5000x4; at most 4096 pixels a side'],
])('refuses %s', async (_, over, bytes, why) => {
  await expect(keep(over, bytes)).rejects.toThrow(why);
});

it('keeps a mask beside it, and refuses one that fits no image', async () => {
  const mask = encodePng({ width: 6, height: 4, rgb: new Uint8Array(72).fill(255) });
  const kept = (await keep({ mask })) as { mask: { sha256: string } };
  expect(kept).toMatchObject({ width: 6, height: 4, mask: { sizeBytes: mask.length } });
  expect(await world.store.pictures.has(kept.mask.sha256)).toBe(true);
  await expect(keepBeginning(world, { mask })).rejects.toThrow('mask: it needs an image');
  await expect(keep({ mask: withWidth(7) })).rejects.toThrow('mask: it is 7x4, and the image 6x4');
  await expect(keep({ mask: new Uint8Array(limits.maskBytes + 1) })).rejects.toThrow('mask: 300001 bytes');
});

it('refuses a strength without an image', async () => {
  await expect(keepBeginning(world, { strength: 0.5 })).rejects.toThrow('strength: it needs an image');
  expect(await keepBeginning(world, {})).toEqual({});
});

function withWidth(width: number): Uint8Array {
  const png = Buffer.from(image);
  png.writeUInt32BE(width, 16);
  return png;
}
