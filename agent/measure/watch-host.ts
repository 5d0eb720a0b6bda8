// Samples temperature and throttling during a run: the firmware forgets what it did after about two seconds.
import type { Clock } from '../../shared/clock.ts';
import { readHost } from './host.ts';

export interface HostWatch {
  /** Ends the sampling. */
  stop(): { readonly temperatureMaxCelsius: number | null; readonly throttledFlags: number };
}

const INTERVAL_MS = 1000;

export function watchHost(clock: Clock): HostWatch {
  let temperatureMaxCelsius: number | null = null;
  let throttledFlags = 0;
  let running = true;
  let cancel = () => {};
  const sample = async () => {
    const host = await readHost();
    if (host.temperatureCelsius !== null)
      temperatureMaxCelsius = Math.max(temperatureMaxCelsius ?? -Infinity, host.temperatureCelsius);
    throttledFlags |= host.throttledFlags ?? 0;
    if (running) cancel = clock.after(INTERVAL_MS, () => void sample());
  };
  void sample();
  return {
    stop() {
      running = false;
      cancel();
      return { temperatureMaxCelsius, throttledFlags };
    },
  };
}
