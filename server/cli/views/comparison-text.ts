import pc from 'picocolors';
import type { BenchComparison } from '../../../shared/bench.ts';
import type { BenchRunView } from '../../../shared/http-api.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, latency } from '../../../shared/units.ts';

/** What the pairs say, in one sentence, and what it rests on. */
export function comparisonText(
  { benchRunId, device, deviceClass }: Pick<BenchRunView, 'benchRunId' | 'device' | 'deviceClass'>,
  comparison: BenchComparison,
): string {
  const { a, b, pairsMs, verdict, threads, disturbances } = comparison;
  const side = (name: string, of: BenchComparison['a']) =>
    `  ${pc.dim(name)}  ${of.model}@${of.version} (${of.variant}, ${of.runtimeVersion}): p50 ${latency(of.latencyMsP50)}, peak ${bytes(of.peakRssBytes)}`;
  return [
    `${pc.bold(sentence(verdict))} ${interval(verdict)}`.trim(),
    side('A', a),
    side('B', b),
    `  on ${device} (${deviceClass}), ${plural(threads, 'thread')}, ${plural(pairsMs.length, 'pair')} of the same prompt and seed, in turn`,
    ...disturbances.map((reason) => `  ${pc.dim('disturbed')}  ${pc.yellow(reason)}`),
    `  ${pc.dim('samples')}  still bench samples ${benchRunId}`,
  ].join('\n');
}

function sentence({ kind, ratio, reason }: BenchComparison['verdict']): string {
  switch (kind) {
    case 'b-faster':
      return `B is faster: it takes ${(ratio ?? 0).toFixed(2)} of A's time.`;
    case 'a-faster':
      return `A is faster: B takes ${(ratio ?? 0).toFixed(2)} of its time.`;
    case 'equal':
      return 'A and B are equally fast, within 2 %.';
    case 'unknown':
      return `It cannot be said which is faster: ${reason}.`;
  }
}

function interval({ low, high, confidence }: BenchComparison['verdict']): string {
  if (low === null || high === null) return '';
  return pc.dim(`(B ÷ A between ${low.toFixed(3)} and ${high.toFixed(3)} at ${Math.round(confidence * 100)} %)`);
}
