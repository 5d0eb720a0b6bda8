import { describe, expect, it } from 'vitest';
import type { Engine } from './engine/engine.ts';
import { PaintedSizes } from './painted-sizes.ts';

const size = (width: number) => ({ width, height: 64, tiled: false });
const engine = () => ({}) as Engine;

describe('sizes that an engine painted', () => {
  it('begin with the usual one, each stands once, and few are remembered', () => {
    const [sizes, one] = [new PaintedSizes(), engine()];
    expect(sizes.recent(one, size(64))).toEqual([size(64)]);
    for (const width of [32, 64, 32])
      sizes.paints(one, { recent: sizes.recent(one, size(64)), keeps: false }, size(width));
    expect(sizes.recent(one, size(64))).toEqual([size(64), size(32)]);
    for (let width = 100; width < 120; width++)
      sizes.paints(one, { recent: sizes.recent(one, size(64)), keeps: false }, size(width));
    expect(sizes.recent(one, size(64))).toHaveLength(8);
    expect(sizes.recent(engine(), size(64))).toEqual([size(64)]);
  });

  it('tell what the peak is of, until two were held at once', () => {
    const [sizes, one] = [new PaintedSizes(), engine()];
    expect([100, 100, 50, 200].map((pixels) => sizes.compare(one, pixels))).toEqual([
      'larger',
      'equal',
      'smaller',
      'larger',
    ]);
    sizes.paints(one, { recent: [size(32)], keeps: true }, size(64));
    expect(sizes.keeps(one)).toBe(true);
    sizes.madeWay(one);
    expect(sizes.keeps(one)).toBe(false);
    expect(sizes.compare(one, 400)).toBe('unknown');
  });
});
