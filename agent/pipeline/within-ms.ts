// Work of a folder's own making that must end: the patterns of a tokenizer.json may go back and forth for years over a text
// of 40 letters, and hold the thread meanwhile, so that no timer of it would be heard.
import { Script } from 'node:vm';

const WORK = Symbol.for('stillhouse.work');
/** A call costs some 0.3 ms, most of it for the thread that watches. */
const script = new Script(`globalThis[Symbol.for('stillhouse.work')]()`);
const holder = globalThis as unknown as Record<symbol, (() => void) | undefined>;

/**
 * @param work on this thread; broken off in the midst of a pattern, too
 * @throws RangeError when the time is over, and whatever the work throws
 */
export function withinMs<T>(limitMs: number, work: () => T): T {
  let done: { readonly value: T } | null = null;
  holder[WORK] = () => {
    done = { value: work() };
  };
  try {
    script.runInThisContext({ timeout: limitMs });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
    throw new RangeError(`was not done within ${limitMs} ms`, { cause });
  } finally {
    delete holder[WORK];
  }
  return (done as unknown as { readonly value: T }).value;
}
