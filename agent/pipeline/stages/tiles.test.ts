import { describe, expect, it } from 'vitest';
import { decodeTiles, encodeTiles, type Planes, tilingOf } from './tiles.ts';

/** Every pixel takes its latent's value, in three planes. */
async function enlarge({ data, width, height }: Planes, scale: number): Promise<Planes> {
  const [wide, high] = [width * scale, height * scale];
  const at = (i: number) => Math.floor(Math.floor((i % (wide * high)) / wide) / scale) * width;
  const planes = Float32Array.from({ length: 3 * wide * high }, (_, i) => {
    return data[at(i) + Math.floor((i % wide) / scale)] as number;
  });
  return { data: planes, width: wide, height: high };
}

describe('tilingOf', () => {
  it('overlaps by a quarter', () => expect(tilingOf(512, 8)).toEqual({ tileLatents: 64, strideLatents: 48, scale: 8 }));

  it('knows sizes that do not meet', () => {
    expect(tilingOf(8, 8)).toBeNull();
    expect(tilingOf(72, 8)).toBeNull();
  });
});

describe('decodeTiles', () => {
  it.each([
    [20, 17],
    [8, 30],
    [25, 7],
    [13, 12],
  ])('leaves what is decoded latent by latent as it is (%i x %i)', async (width, height) => {
    const latents = { data: Float32Array.from({ length: width * height }, (_, i) => i), width, height };
    const tiling = { tileLatents: 8, strideLatents: 6, scale: 2 };
    const seen: number[] = [];
    const found = await decodeTiles(latents, tiling, (tile, { index, total }) => {
      expect(Math.max(tile.width, tile.height)).toBeLessThanOrEqual(8);
      seen.push(index / total);
      return enlarge(tile, 2);
    });
    const wanted = await enlarge(latents, 2);
    expect([found.width, found.height]).toEqual([wanted.width, wanted.height]);
    const off = found.data.map((value, i) => Math.abs(value - (wanted.data[i] as number)));
    expect(Math.max(...off)).toBeLessThan(1e-3);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('goes over from one tile to the next without an edge', async () => {
    const latents = { data: new Float32Array(14), width: 14, height: 1 };
    const tiling = { tileLatents: 8, strideLatents: 6, scale: 1 };
    const { data } = await decodeTiles(latents, tiling, async ({ width, height }, { index }) => ({
      data: new Float32Array(3 * width * height).fill(index),
      width,
      height,
    }));
    expect([...data.subarray(0, 14)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0.5, 1, 1, 1, 1, 1, 1.5]);
  });
});

describe('encodeTiles', () => {
  it('leaves what is encoded block by block as it is, and of as many channels', async () => {
    const [width, height] = [22, 14];
    const planes = { data: Float32Array.from({ length: 3 * width * height }, (_, i) => i), width, height };
    const tiling = { tileLatents: 4, strideLatents: 3, scale: 2 };
    const sides: number[] = [];
    const found = await encodeTiles(planes, tiling, async (tile) => {
      sides.push(tile.width, tile.height);
      return shrink(tile);
    });
    expect(Math.max(...sides)).toBe(8);
    const wanted = shrink(planes);
    expect([found.width, found.height]).toEqual([11, 7]);
    const off = wanted.data.map((value, i) => Math.abs(value - (found.data[i] as number)));
    expect(Math.max(...off)).toBeLessThan(1e-3);
  });
});

/** Two channels of which each value is that of one corner of a block of four. */
function shrink({ data, width, height }: Planes): Planes {
  const [wide, high] = [width / 2, height / 2];
  const at = (i: number) => Math.floor((i % (wide * high)) / wide) * 2 * width + 2 * (i % wide);
  const corner = (i: number) => (i < wide * high ? 0 : width + 1);
  const shrunk = Float32Array.from({ length: 2 * wide * high }, (_, i) => data[at(i) + corner(i)] as number);
  return { data: shrunk, width: wide, height: high };
}
