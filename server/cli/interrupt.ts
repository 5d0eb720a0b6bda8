// Ctrl-C while waiting lets go of the wait, not of the work.

/** What a shell shows for a program that Ctrl-C ended. */
export const INTERRUPTED_EXIT_CODE = 130;

/** Runs `work` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export async function untilInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
  }
}
