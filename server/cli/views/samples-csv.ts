import type { BenchRunView } from '../../../shared/http-api.ts';

/** One line a sample, or a pair of a comparison; milliseconds. */
export function samplesCsv({ result, comparison }: Pick<BenchRunView, 'result' | 'comparison'>): string {
  if (comparison)
    return [
      'pair,first,a_ms,b_ms',
      ...comparison.pairsMs.map(([a, b], i) => `${i},${i % 2 === 0 ? 'a' : 'b'},${a},${b}`),
    ].join('\n');
  const samples = result?.samples ?? [];
  const stages = [...new Set(samples.flatMap(({ stagesMs }) => Object.keys(stagesMs)))];
  return [
    ['sample', 'latency_ms', ...stages.map((stage) => `${stage}_ms`)].join(','),
    ...samples.map(({ latencyMs, stagesMs }, i) =>
      [i, latencyMs, ...stages.map((stage) => stagesMs[stage] ?? '')].join(','),
    ),
  ].join('\n');
}
