import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutWaves, parseWaves } from './waves.ts';

const sizes = (texts: string[], devices: number) => {
  const parsed = parseWaves(texts);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  const cut = cutWaves(parsed.cuts, devices);
  return cut.kind === 'waves' ? cut.sizes : cut.message;
};

describe('parseWaves', () => {
  it.each([
    [['50%', '10%'], /wave 2 "10%" at position 5 is not larger/],
    [['5', '5'], /wave 2 "5" at position 3 is not larger/],
    [['lots'], /wave 1 "lots" at position 1 is neither/],
    [['0'], /neither/],
    [['120%'], /neither/],
    [['-1'], /neither/],
    [['1.5'], /neither/],
    [[''], /neither/],
    [[], /wave 1 "" at position 1 is missing/],
  ])('refuses %j and says where and what is expected', (texts, why) => {
    const parsed = parseWaves(texts);
    expect(parsed).toMatchObject({ kind: 'unreadable', message: expect.stringMatching(why) });
    expect(parsed.kind === 'unreadable' && parsed.message).toContain('1,25%,100%');
  });
});

describe('cutWaves', () => {
  it.each([
    [['1', '25%', '100%'], 100, [1, 24, 75]],
    [['1', '25%', '100%'], 3, [1, 2]],
    [['5', '25%', '100%'], 8, [5, 3]],
    [['100%'], 1, [1]],
    [['12.5%', '100%'], 8, [1, 7]],
    [['1000'], 7, [7]],
  ])('%j of %i devices', (texts, devices, expected) => {
    expect(sizes(texts, devices)).toEqual(expected);
  });

  it('says when the last wave leaves devices out', () => {
    expect(sizes(['1', '50%'], 10)).toMatch(/reaches 5 of 10.*100%/);
  });

  it('reaches every device exactly once, and no wave is empty', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5000 }),
        (percents, devices) => {
          const texts = [...percents.sort((a, b) => a - b).map((percent) => `${percent}%`), '100%'];
          const cut = sizes(texts, devices) as number[];
          expect(cut.reduce((sum, size) => sum + size, 0)).toBe(devices);
          expect(Math.min(...cut)).toBeGreaterThan(0);
        },
      ),
    );
  });
});
