// What a command says: one JSON value on standard output with --json, text otherwise. Whatever is only on its way to
// the result stays off standard output when a program reads that.
import { clearScreenDown, moveCursor } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

const ESCAPE = String.fromCharCode(27);
const COLOUR = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`);

export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export class Screen {
  readonly json: boolean;
  private readonly out: Sink;
  private readonly err: Sink;
  readonly indent: string;
  private drawn = 0;

  constructor(json: boolean, out: Sink = process.stdout, err: Sink = process.stderr, indent = '') {
    this.json = json;
    this.out = out;
    this.err = err;
    this.indent = indent;
  }

  /** The same screen, its lines further to the right. Only one of the two may have something drawn. */
  indented(by: string): Screen {
    return new Screen(this.json, this.out, this.err, this.indent + by);
  }

  /** Whether a person watches, so that lines may be drawn again in place. */
  get live(): boolean {
    return this.progress.isTTY === true;
  }

  get columns(): number {
    return this.progress.columns ?? 100;
  }

  /** The command's result: `value` for a program, `text` for a person, to whom all may have been said before. */
  result(value: unknown, text: string): void {
    this.erase();
    if (this.json || text) this.out.write(`${this.json ? JSON.stringify(value, null, 2) : text}\n`);
  }

  /** One line, or a few, on the way. */
  line(text = ''): void {
    this.erase();
    for (const line of text.split('\n')) this.progress.write(`${line ? this.indent : ''}${line}\n`);
  }

  /** Draws a block that the next `draw`, `line` or `result` replaces. Nothing where nobody watches. */
  draw(lines: readonly string[]): void {
    if (!this.live) return;
    this.erase();
    // A line that the terminal would wrap could not be taken back, for it takes two rows.
    this.progress.write(lines.map((line) => `${cut(this.indent + line, this.columns - 1)}\n`).join(''));
    this.drawn = lines.length;
  }

  erase(): void {
    if (this.drawn === 0) return;
    const stream = this.progress as unknown as NodeJS.WritableStream;
    moveCursor(stream, 0, -this.drawn);
    clearScreenDown(stream);
    this.drawn = 0;
  }

  /** Standard output, for a person; standard error beside JSON. */
  private get progress(): Sink {
    return this.json ? this.err : this.out;
  }
}

/** The first `width` visible characters; colours do not count, and are closed where something was cut off. */
export function cut(line: string, width: number): string {
  if (stripVTControlCharacters(line).length <= width) return line;
  let visible = 0;
  let kept = '';
  // Splits between escape sequences and visible characters, and keeps both.
  for (const piece of line.split(COLOUR)) {
    if (piece.startsWith(ESCAPE)) kept += piece;
    else {
      kept += piece.slice(0, Math.max(0, width - 1 - visible));
      visible += piece.length;
    }
  }
  return `${kept}…${ESCAPE}[0m`;
}
