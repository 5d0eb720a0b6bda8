// Samples temperature, clock and throttling during a run: the firmware forgets what it did after about two seconds.
import type { Clock } from '../../shared/clock.ts';
import { readFrequencies, readHost } from './host.ts';

export interface HostWatch {
  /** Ends the sampling. */
  stop(): {
    readonly temperatureMaxCelsius: number | null;
    readonly throttledFlags: number;
    readonly frequencyMhz: { readonly low: number; readonly high: number } | null;
  };
}

const INTERVAL_MS = 1000;

export function watchHost(clock: Clock): HostWatch {
  let temperatureMaxCelsius: number | null = null;
  let throttledFlags = 0;
  const clocksMhz: number[] = [];
  let running = true;
  let cancel = () => {};
  const sample = async () => {
    const [host, frequencies] = await Promise.all([readHost(), readFrequencies()]);
    // The busiest domain: cores that rest clock down, and that is no disturbance.
    if (frequencies.length > 0) clocksMhz.push(Math.max(...frequencies));
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
      const frequencyMhz =
        clocksMhz.length === 0 ? null : { low: Math.min(...clocksMhz), high: Math.max(...clocksMhz) };
      return { temperatureMaxCelsius, throttledFlags, frequencyMhz };
    },
  };
}
