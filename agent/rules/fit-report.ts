// A long bench run must still fit into one MQTT message.
import type { BenchResult } from '../../shared/bench.ts';

/**
 * Rounds times to 0.01 ms. Where that is still too long, the stages of one sample in several stay, evenly over the run; their
 * medians are of all samples.
 */
export function fitBench(result: BenchResult, maxBytes: number): BenchResult {
  const rounded: BenchResult = {
    ...result,
    samples: result.samples.map(({ latencyMs, stagesMs }) => ({
      latencyMs: round(latencyMs),
      stagesMs: Object.fromEntries(Object.entries(stagesMs).map(([stage, ms]) => [stage, round(ms)])),
    })),
    quality: result.quality && { ...result.quality, pictures: result.quality.pictures.map((value) => round(value, 4)) },
  };
  const wholeBytes = JSON.stringify(rounded).length;
  if (wholeBytes <= maxBytes) return rounded;
  const bare = rounded.samples.map(({ latencyMs }) => ({ latencyMs, stagesMs: {} }));
  const bareBytes = JSON.stringify({ ...rounded, samples: bare }).length;
  // A tenth less than there is room for: samples differ in length.
  const every = Math.ceil((wholeBytes - bareBytes) / Math.max(1, 0.9 * (maxBytes - bareBytes)));
  const samples = rounded.samples.map((sample, i) => (i % every === 0 ? sample : (bare[i] ?? sample)));
  return { ...rounded, samples };
}

function round(value: number, digits = 2): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
