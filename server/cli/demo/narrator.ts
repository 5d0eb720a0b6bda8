// Tells the story: numbered chapters, short lines, and how long each thing took.
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { duration } from '../../../shared/units.ts';
import type { Screen } from '../screen.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const TURN_MS = 100;
/** The column where the times begin. */
const TIMES_AT = 70;

export class Narrator {
  /** Where the story's own lines go. */
  readonly text: Screen;
  private readonly screen: Screen;
  private chapters = 0;

  constructor(screen: Screen) {
    this.screen = screen;
    this.text = screen.indented('   ');
  }

  chapter(title: string): void {
    this.chapters++;
    this.screen.line();
    this.screen.line(pc.bold(`${this.chapters}  ${title}`));
  }

  say(text: string): void {
    this.text.line(text);
  }

  /** Runs `work`, shows that it goes on, and then says what came of it and how long it took. */
  async timed<T>(doing: string, work: () => Promise<T>, done: (result: T) => string): Promise<T> {
    const start = performance.now();
    const draw = () => {
      const elapsed = performance.now() - start;
      const turn = SPINNER[Math.floor(elapsed / TURN_MS) % SPINNER.length] ?? '';
      this.text.draw([`${pc.cyan(turn)} ${doing} ${pc.dim(duration(elapsed))}`]);
    };
    const turning = setInterval(draw, TURN_MS);
    try {
      const result = await work();
      this.finish(done(result), performance.now() - start);
      return result;
    } finally {
      clearInterval(turning);
      this.text.erase();
    }
  }

  /** A line with its time at the right. */
  finish(text: string, ms: number): void {
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) this.say(line);
    const gap = ' '.repeat(Math.max(2, TIMES_AT - stripVTControlCharacters(last).length));
    this.say(`${last}${gap}${pc.dim(duration(ms))}`);
  }
}
