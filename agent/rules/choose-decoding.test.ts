import { describe, expect, it } from 'vitest';
import { chooseDecoding } from './choose-decoding.ts';

const facts = {
  ...{ wholeBytes: 2_000e6, tiledBytes: 1_500e6 },
  ...{ asked: undefined, able: true, thereBytes: 3_000e6 },
};

describe('chooseDecoding', () => {
  it('decodes the whole where it fits', () => expect(chooseDecoding(facts)).toEqual({ kind: 'fits', tiled: false }));

  it('takes tiles where the whole would not fit', () =>
    expect(chooseDecoding({ ...facts, thereBytes: 1_900e6 })).toEqual({ kind: 'fits', tiled: true }));

  it('takes tiles where they are asked for', () =>
    expect(chooseDecoding({ ...facts, asked: true })).toEqual({ kind: 'fits', tiled: true }));

  it.each([
    ['not even tiles would fit', { thereBytes: 1_100e6 }, 400e6],
    ['tiles are refused', { thereBytes: 1_900e6, asked: false }, 100e6],
    ['there is no decoder', { thereBytes: 1_900e6, able: false }, 100e6],
  ])('says how much is missing where %s', (_, other, missingBytes) =>
    expect(chooseDecoding({ ...facts, ...other })).toMatchObject({ kind: 'too-large', missingBytes }),
  );
});
