// A picture in a terminal: each character shows two pixels, the upper one as its colour, the lower one as its ground.
import { decode } from 'fast-png';

const UPPER_HALF = '▀';

/**
 * Lines of 24-bit colour, or nothing for a picture that cannot be shown so (not RGB or RGBA of 8 bits).
 *
 * @param columns the room there is; a wider picture is made smaller by a whole factor
 */
export function halfBlocks(png: Uint8Array, columns: number): string[] {
  const { width, height, data, channels, depth } = decode(png);
  if (depth !== 8 || channels < 3) return [];
  const factor = Math.max(1, Math.ceil(width / columns));
  const pixel = (x: number, y: number) => {
    const at = (Math.min(y * factor, height - 1) * width + x * factor) * channels;
    return `${data[at]};${data[at + 1]};${data[at + 2]}`;
  };
  const lines: string[] = [];
  for (let y = 0; y * factor < height; y += 2) {
    let line = '';
    for (let x = 0; x * factor < width; x++) line += `\u001b[38;2;${pixel(x, y)};48;2;${pixel(x, y + 1)}m${UPPER_HALF}`;
    lines.push(`${line}\u001b[0m`);
  }
  return lines;
}
