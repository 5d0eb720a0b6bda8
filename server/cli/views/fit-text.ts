import type { Fit } from '../../../shared/fit.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, latency } from '../../../shared/units.ts';

/** Why these settings. */
export function fitText({ target, expectedLatencyMs, expectedPeakBytes, measurements }: Fit): string {
  const asked = [
    target.latencyMs === undefined ? [] : [`latency ${latency(target.latencyMs)}`],
    target.memoryBytes === undefined ? [] : [`memory ${bytes(target.memoryBytes)}`],
  ].flat();
  const peak = expectedPeakBytes === null ? 'peak memory not known' : `peak ${bytes(expectedPeakBytes)}`;
  return `fitted to ${asked.join(' and ')}: expected ${latency(expectedLatencyMs)}, ${peak} (from ${plural(measurements, 'measurement')})`;
}
