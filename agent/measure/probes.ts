// Calibration probes spread over a run: before it, every few seconds, and after it.
import type { Clock } from '../../shared/clock.ts';
import { cpuProbe } from './cpu-probe.ts';

export interface Probes {
  readonly probesMs: readonly number[];
  /** Probes now. */
  take(): Promise<void>;
  /** Probes when the last one is long enough ago. */
  takeIfDue(): Promise<void>;
}

const EVERY_MS = 2500;
const MOST = 400;

export function startProbes(clock: Clock): Probes {
  const probesMs: number[] = [];
  let lastAtMs = -Infinity;
  const take = async () => {
    if (probesMs.length < MOST) probesMs.push(Math.round((await cpuProbe(clock)) * 1000) / 1000);
    lastAtMs = clock.monotonic();
  };
  return {
    probesMs,
    take,
    takeIfDue: async () => {
      if (clock.monotonic() - lastAtMs >= EVERY_MS) await take();
    },
  };
}
