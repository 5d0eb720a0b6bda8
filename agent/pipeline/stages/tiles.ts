// What is too large for the memory of a VAE goes through it in tiles that overlap and are blended into each other, as diffusers'
// `AutoencoderKL.tiled_decode` and `tiled_encode` do it.

export interface Tiling {
  /** A tile's side in latents. */
  readonly tileLatents: number;
  /** From one tile's start to the next, in latents: a quarter of a tile is made twice. */
  readonly strideLatents: number;
  /** Pixels a side for each latent. */
  readonly scale: number;
}

export interface Planes {
  /** float32 [channels, height, width] */
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Sides of what goes in, latents or pixels. */
interface Cutting {
  readonly tile: number;
  readonly stride: number;
  /** What comes out for each that goes in. */
  readonly grows: number;
}

/** Planes of a tile from those that went in. */
type MakeTile = (tile: Planes, at: { readonly index: number; readonly total: number }) => Promise<Planes>;

/** The reference's `tile_overlap_factor`. */
const OVERLAP = 0.25;

/** @param sampleSizePixels of the VAE's config.json @returns null where tiles of that size would not meet */
export function tilingOf(sampleSizePixels: number, scale: number): Tiling | null {
  const tileLatents = Math.trunc(sampleSizePixels / scale);
  const strideLatents = Math.trunc(tileLatents * (1 - OVERLAP));
  const blendPixels = Math.trunc(sampleSizePixels * OVERLAP);
  const meets = strideLatents >= 1 && strideLatents * scale === sampleSizePixels - blendPixels;
  return meets ? { tileLatents, strideLatents, scale } : null;
}

/** Whether a picture is larger than one tile; the reference does not cut others. */
export const exceedsTile = (pixels: { width: number; height: number }, { tileLatents, scale }: Tiling): boolean =>
  Math.max(pixels.width, pixels.height) > tileLatents * scale;

/** Latents to RGB planes, [3, height · scale, width · scale]. */
export const decodeTiles = (latents: Planes, { tileLatents, strideLatents, scale }: Tiling, decode: MakeTile) =>
  inTiles(latents, { tile: tileLatents, stride: strideLatents, grows: scale }, decode);

/** RGB planes to what an encoder makes of them, [channels, height / scale, width / scale]. */
export const encodeTiles = (planes: Planes, { tileLatents, strideLatents, scale }: Tiling, encode: MakeTile) =>
  inTiles(planes, { tile: tileLatents * scale, stride: strideLatents * scale, grows: 1 / scale }, encode);

async function inTiles(planes: Planes, { tile: side, stride, grows }: Cutting, make: MakeTile): Promise<Planes> {
  const [width, height] = [planes.width * grows, planes.height * grows];
  const [tops, lefts] = [starts(planes.height, stride), starts(planes.width, stride)];
  const extent = (side - stride) * grows;
  let whole: Planes | null = null;
  let above: Planes[] = [];
  for (const [row, top] of tops.entries()) {
    const tiles: Planes[] = [];
    for (const [column, left] of lefts.entries()) {
      const at = { index: row * lefts.length + column, total: tops.length * lefts.length };
      const tile = await make(cut(planes, { top, left, side }), at);
      whole ??= { data: new Float32Array(channelsOf(tile) * width * height), width, height };
      if (above[column]) blendDown(above[column], tile, extent);
      if (tiles[column - 1]) blendAcross(tiles[column - 1] as Planes, tile, extent);
      tiles.push(tile);
      paste(tile, whole, { top: top * grows, left: left * grows, side: stride * grows });
    }
    above = tiles;
  }
  return whole as Planes;
}

const channelsOf = ({ data, width, height }: Planes): number => data.length / (width * height);

function starts(length: number, stride: number): number[] {
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => i * stride);
}

/** What of a square of `side` lies within the planes. */
function cut(planes: Planes, at: { top: number; left: number; side: number }): Planes {
  const { data, width, height } = planes;
  const [wide, high] = [Math.min(at.side, width - at.left), Math.min(at.side, height - at.top)];
  const channels = channelsOf(planes);
  const piece = new Float32Array(channels * wide * high);
  for (let line = 0; line < channels * high; line++) {
    const from = (Math.floor(line / high) * height + at.top + (line % high)) * width + at.left;
    piece.set(data.subarray(from, from + wide), line * wide);
  }
  return { data: piece, width: wide, height: high };
}

/** The tile's first `side` rows and columns; what overlaps the next tiles is theirs. */
function paste(tile: Planes, { data, width, height }: Planes, at: { top: number; left: number; side: number }): void {
  const [wide, high] = [Math.min(at.side, tile.width), Math.min(at.side, tile.height)];
  for (let plane = 0; plane < channelsOf(tile); plane++) {
    for (let y = 0; y < high; y++) {
      const from = (plane * tile.height + y) * tile.width;
      data.set(tile.data.subarray(from, from + wide), (plane * height + at.top + y) * width + at.left);
    }
  }
}

/** In place: the tile's first rows come out of the last ones of the tile above. */
function blendDown(above: Planes, tile: Planes, most: number): void {
  const extent = Math.min(most, above.height, tile.height);
  const channels = channelsOf(tile);
  for (let y = 0; y < extent; y++) {
    for (let plane = 0; plane < channels; plane++) {
      const from = (plane * above.height + above.height - extent + y) * above.width;
      const to = (plane * tile.height + y) * tile.width;
      for (let x = 0; x < tile.width; x++) mix(above.data, from + x, tile.data, to + x, y / extent);
    }
  }
}

/** In place: the tile's first columns come out of the last ones of the tile on its left. */
function blendAcross(left: Planes, tile: Planes, most: number): void {
  const extent = Math.min(most, left.width, tile.width);
  for (let line = 0; line < channelsOf(tile) * tile.height; line++) {
    const [from, to] = [(line + 1) * left.width - extent, line * tile.width];
    for (let x = 0; x < extent; x++) mix(left.data, from + x, tile.data, to + x, x / extent);
  }
}

/** Rounded where torch rounds. */
function mix(before: Float32Array, from: number, tile: Float32Array, to: number, share: number): void {
  const { fround } = Math;
  const old = fround((before[from] as number) * fround(1 - share));
  tile[to] = old + fround((tile[to] as number) * fround(share));
}
