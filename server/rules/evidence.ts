// From what a device measured to what a gate judges.
import type { BenchResult } from '../../shared/bench.ts';
import type { Run } from '../../shared/evidence.ts';

export function runOf(benchRunId: string, atMs: number, result: BenchResult): Run {
  return {
    benchRunId,
    atMs,
    latencyMs: result.samples.map(({ latencyMs }) => latencyMs),
    peakRssBytes: result.peakRssBytes,
    quality: result.quality && { score: result.quality.score, pictures: result.quality.pictures },
    disturbed: result.disturbances.length > 0,
  };
}
