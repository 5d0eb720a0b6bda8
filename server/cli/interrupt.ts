// Ctrl-C while waiting lets go of the wait, not of the work.

/** What a shell shows for a program that Ctrl-C ended. */
export const INTERRUPTED_EXIT_CODE = 130;
/** Sooner than a person presses twice on purpose, later than a signal takes through two processes. */
const ECHO_MS = 300;

/** Runs `work` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export async function untilInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let abortedMs = 0;
  const stop = () => {
    if (!controller.signal.aborted) {
      abortedMs = performance.now();
      controller.abort();
      // The terminal tells every process of a command, and those that started one (npm, the launcher under an older Node)
      // pass theirs on: one press, heard twice.
    } else if (performance.now() - abortedMs > ECHO_MS) process.exit(INTERRUPTED_EXIT_CODE);
  };
  process.on('SIGINT', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
  }
}
