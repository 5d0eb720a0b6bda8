// From what a device measured to what a gate judges.
import type { BenchResult } from '../../shared/bench.ts';
import type { DeviceMeasurement } from '../../shared/gates.ts';

export function measurementOf(result: BenchResult): DeviceMeasurement {
  return {
    latencyMs: result.samples.map(({ latencyMs }) => latencyMs),
    peakRssBytes: result.peakRssBytes,
    quality: result.quality && { score: result.quality.score, pictures: result.quality.pictures },
  };
}
