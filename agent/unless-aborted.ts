import { EngineFault } from './engine/engine.ts';

/** Waits for an engine, but no longer than it is wanted: a load that is canceled here goes on, the next one needs it as well. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new EngineFault('canceled', 'canceled while the engine was loading'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
