const MOST = 8;

/** `4 × 64 × 64`; of a hostile graph's thousands only the first, for a fault is a line to read. */
export function dimensionsText(dims: readonly number[]): string {
  const shown = dims.slice(0, MOST).join(' × ');
  return dims.length > MOST ? `${shown} … (${dims.length} dimensions)` : shown;
}
