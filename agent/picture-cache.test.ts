import { expect, it } from 'vitest';
import type { GeneratedPicture } from './engine/engine.ts';
import { PictureCache, pictureKey } from './picture-cache.ts';

const place = { versionDigest: 'd', variant: 'v' };
const request = { prompt: 'a fox', seed: 1 };

it('takes requests for the same that differ in what decides no pixel', () => {
  const key = pictureKey(place, { ...request, steps: 4 });
  expect(pictureKey(place, { steps: 4, ...request, priority: 'high', allowCached: true, previews: true })).toBe(key);
  for (const other of [{ seed: 2 }, { prompt: 'a cat' }, { steps: 5 }, { width: 64 }])
    expect(pictureKey(place, { ...request, steps: 4, ...other })).not.toBe(key);
  expect(pictureKey({ ...place, variant: 'w' }, { ...request, steps: 4 })).not.toBe(key);
});

it('lets the picture go that was asked for longest ago', () => {
  const cache = new PictureCache();
  const picture = { png: new Uint8Array(3 * 1024 * 1024) } as unknown as GeneratedPicture;
  for (const key of ['a', 'b']) cache.keep(key, picture);
  expect(cache.find('a')).toBe(picture);
  cache.keep('c', picture);
  expect(['a', 'b', 'c'].filter((key) => cache.find(key))).toEqual(['a', 'c']);
});
