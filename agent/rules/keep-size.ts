// Whether what OpenVINO compiled for the size before stays in memory while it compiles for another: where requests alternate
// between two sizes, each change would compile every graph anew. A size that comes once is not worth it.

export interface PaintedSize {
  readonly width: number;
  readonly height: number;
  /** Of a decoder in tiles two forms are in use at once, which leaves no place for those of another size. */
  readonly tiled: boolean;
}

/** Predictions are right within 15 %, and what only saves time should be the first to go without. */
const MARGIN = 1.15;

export const isSameSize = (a: PaintedSize, b: PaintedSize): boolean =>
  a.width === b.width && a.height === b.height && a.tiled === b.tiled;

/**
 * @param painted sizes that an engine painted, the last one at the end
 * @returns the size whose forms could stay beside those of the asked one; null where nothing comes back, or nothing is compiled
 */
export function sizeToKeep(painted: readonly PaintedSize[], asked: PaintedSize): PaintedSize | null {
  const last = painted.at(-1);
  if (!last || isSameSize(last, asked) || asked.tiled || last.tiled) return null;
  return painted.some((size) => isSameSize(size, asked)) ? last : null;
}

/** @param thereBytes what the engine holds, and what is available beside it */
export const staysBeside = (predictedBytes: number, thereBytes: number): boolean =>
  predictedBytes * MARGIN <= thereBytes;
