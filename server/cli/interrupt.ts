// Ctrl-C while waiting lets go of the wait, not of the work.
import { type HeardSignal, isEcho } from '../../shared/signal-echo.ts';

/** What a shell shows for a program that Ctrl-C ended. */
export const INTERRUPTED_EXIT_CODE = 130;

/**
 * Runs `work` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. After the first one Ctrl-C stays
 * with this process to its end, so that what was heard twice does not change its exit code.
 */
export async function untilInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let first: HeardSignal | undefined;
  const stop = () => {
    const heard: HeardSignal = { signal: 'SIGINT', atMs: performance.now() };
    if (first) {
      if (!isEcho(first, heard)) process.exit(INTERRUPTED_EXIT_CODE);
      return;
    }
    first = heard;
    controller.abort();
    process.once('beforeExit', () => process.exit());
  };
  process.on('SIGINT', stop);
  try {
    return await work(controller.signal);
  } finally {
    if (!first) process.off('SIGINT', stop);
  }
}
