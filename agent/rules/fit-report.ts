// A long bench run must still fit into one MQTT message.
import type { BenchResult } from '../../shared/bench.ts';

/** Rounds times to 0.01 ms; leaves out the stages of single samples, whose medians stay, when that is still too long. */
export function fitBench(result: BenchResult, maxBytes: number): BenchResult {
  const rounded: BenchResult = {
    ...result,
    samples: result.samples.map(({ latencyMs, stagesMs }) => ({
      latencyMs: round(latencyMs),
      stagesMs: Object.fromEntries(Object.entries(stagesMs).map(([stage, ms]) => [stage, round(ms)])),
    })),
    quality: result.quality && { ...result.quality, pictures: result.quality.pictures.map((value) => round(value, 4)) },
  };
  if (JSON.stringify(rounded).length <= maxBytes) return rounded;
  return { ...rounded, samples: rounded.samples.map(({ latencyMs }) => ({ latencyMs, stagesMs: {} })) };
}

function round(value: number, digits = 2): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
