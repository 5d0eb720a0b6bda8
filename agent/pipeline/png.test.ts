import { createHash } from 'node:crypto';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../shared/statistics.ts';
import { encodePng, type RgbPicture } from './png.ts';

function noisePicture(width: number, height: number): RgbPicture {
  const uniform = mulberry32(width * 1000 + height);
  return { width, height, rgb: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(uniform() * 256)) };
}

describe('encodePng', () => {
  it.each([
    [1, 1],
    [3, 2],
    [64, 64],
    [257, 33],
  ])('writes %ix%i so that another decoder reads the same pixels', (width, height) => {
    const picture = noisePicture(width, height);
    const read = decode(encodePng(picture), { checkCrc: true });
    expect(read).toMatchObject({ width, height, channels: 3, depth: 8 });
    expect([...read.data]).toEqual([...picture.rgb]);
  });

  it('gives the same bytes everywhere', () => {
    const rgb = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7) % 256);
    const png = encodePng({ width: 32, height: 32, rgb });
    expect(createHash('sha256').update(png).digest('hex')).toMatchInlineSnapshot(
      `"0061036bee709bee1c927b6db49e5bdbcfc22756c158955987c395357edb33a5"`,
    );
  });
});
