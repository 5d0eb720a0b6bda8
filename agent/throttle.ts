import type { Clock } from '../shared/clock.ts';

/** Lets `action` through at most once in `everyMs`; `urgent` values always. */
export function throttle<T>(
  clock: Clock,
  options: { readonly everyMs: number; readonly urgent?: (value: T) => boolean },
  action: (value: T) => void,
): (value: T) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (value) => {
    const nowMs = clock.monotonic();
    if (nowMs - lastMs < options.everyMs && !options.urgent?.(value)) return;
    lastMs = nowMs;
    action(value);
  };
}
