import pc from 'picocolors';
import type { BenchRunView } from '../../../shared/http-api.ts';
import { bytes, latency, parameters, plural } from '../units.ts';

export function benchText({ device, model, version, result }: BenchRunView): string {
  if (!result) return `${device} sent no result.`;
  const { resolution, steps, threads, samples, quality, disturbances } = result;
  const stages = Object.entries(result.stagesMsP50).map(([stage, ms]) => `${stage} ${latency(ms)}`);
  const facts: [string, string][] = [
    ['picture', `${resolution.width}×${resolution.height}, ${plural(steps, 'step')}, ${plural(threads, 'thread')}`],
    [
      'latency',
      `p50 ${latency(result.latencyMsP50)}, p90 ${orTooFew(result.latencyMsP90)}, p99 ${orTooFew(result.latencyMsP99)} (n = ${samples.length})`,
    ],
    ['stages', stages.join(', ')],
    ['cold', `engine ready after ${latency(result.loadMs)}, first picture ${latency(result.coldLatencyMs)}`],
    ['memory', `peak ${bytes(result.peakRssBytes)}, of it private ${bytes(result.anonymousBytes)} at the end`],
    ['parameters', parameters(result.parameters)],
    ['quality', quality ? qualityText(quality) : 'not measured: the version has no evaluator'],
    ['runtime', `${result.variant}, ${result.runtimeVersion}`],
    ...(result.temperatureMaxCelsius === null
      ? []
      : [['heat', `${result.temperatureMaxCelsius.toFixed(1)} °C`] as [string, string]]),
    ...disturbances.map((reason): [string, string] => ['disturbed', pc.yellow(reason)]),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    `${pc.bold(`${model}@${version}`)} on ${pc.bold(device)}`,
    ...facts.map(([name, value]) => `  ${pc.dim(name.padEnd(width))}  ${value}`),
  ].join('\n');
}

/** The same in one line, for lines that stand below each other. */
export function benchLine({ device, result }: BenchRunView, nameWidth: number): string {
  if (!result) return `${device} sent no result.`;
  const { latencyMsP50, peakRssBytes, quality, samples } = result;
  const score = quality ? `, quality ${quality.score.toFixed(2)}/5` : '';
  return `${pc.bold(device.padEnd(nameWidth))}  ${latency(latencyMsP50)} a picture (n = ${samples.length}), ${bytes(peakRssBytes)}${score}`;
}

function qualityText({
  score,
  whole,
  adherence,
  pictures,
}: {
  score: number;
  whole: number;
  adherence: number;
  pictures: number[];
}) {
  const share = (value: number) => `${(100 * value).toFixed(0)} %`;
  return `${pc.bold(`${score.toFixed(2)}/5`)} (${share(adherence)} of all parts right, ${share(whole)} of the pictures whole, n = ${pictures.length})`;
}

const orTooFew = (ms: number | null): string => (ms === null ? 'too few samples' : latency(ms));
