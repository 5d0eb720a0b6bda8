// One bar for work whose end is known; on a pipe a few lines instead.
import { Presets, SingleBar } from 'cli-progress';
import type { Screen } from './screen.ts';

const REFRESHES_PER_SECOND = 10;
/** On a pipe: at most one line in this time. */
const LINE_EVERY_MS = 5000;

export interface ProgressBar {
  /** `show` prints a number of the work's unit, such as bytes. */
  update(what: string, done: number, total: number): void;
  stop(): void;
}

export function progressBar(screen: Screen, show: (value: number) => string): ProgressBar {
  return screen.live ? drawnBar(screen, show) : printedLines(screen, show);
}

function drawnBar(screen: Screen, show: (value: number) => string): ProgressBar {
  const bar = new SingleBar(
    {
      format: `${screen.indent}{what} {bar} {shown}`,
      fps: REFRESHES_PER_SECOND,
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
      stream: screen.json ? process.stderr : process.stdout,
    },
    Presets.rect,
  );
  let started = false;
  return {
    update(what, done, total) {
      const payload = { what, shown: `${show(done)} of ${show(total)}` };
      if (!started) bar.start(total, done, payload);
      else {
        bar.setTotal(total);
        bar.update(done, payload);
      }
      started = true;
    },
    stop: () => bar.stop(),
  };
}

function printedLines(screen: Screen, show: (value: number) => string): ProgressBar {
  let last = performance.now();
  let told = '';
  return {
    update(what, done, total) {
      const line = `${what} ${show(done)} of ${show(total)}`;
      // The same once more would tell nobody anything.
      if (line === told || performance.now() - last < LINE_EVERY_MS) return;
      last = performance.now();
      told = line;
      screen.line(line);
    },
    stop: () => undefined,
  };
}
