import pc from 'picocolors';
import type { BenchResult } from '../../../shared/bench.ts';
import type { BenchRunView } from '../../../shared/http-api.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, latency, parameters } from '../../../shared/units.ts';
import { fitText } from './fit-text.ts';

/** Of a screen. */
const STEPS_IN_A_LINE = 12;

type Fact = [name: string, value: string];

export function benchText({
  benchRunId,
  device,
  deviceClass,
  model,
  version,
  result,
  fit,
  seenByServer,
  pictures,
}: BenchRunView): string {
  if (!result) return `${device} sent no result.`;
  const { resolution, steps, threads, samples, quality, disturbances } = result;
  const stages = Object.entries(result.stagesMsP50).map(([stage, ms]) => `${stage} ${latency(ms)}`);
  const facts: Fact[] = [
    ['picture', `${resolution.width}×${resolution.height}, ${plural(steps, 'step')}, ${plural(threads, 'thread')}`],
    [
      'latency',
      `p50 ${latency(result.latencyMsP50)}, p90 ${orTooFew(result.latencyMsP90)}, p99 ${orTooFew(result.latencyMsP99)} (n = ${samples.length})`,
    ],
    ['stages', stages.join(', ')],
    ...stepsText(result),
    ...seenText({ seenByServer, pictures }),
    [
      'cold',
      `engine ready after ${latency(result.loadMs)}${compiledText(result)}, first picture ${latency(result.coldLatencyMs)}`,
    ],
    ['memory', memoryText(result)],
    ...workText(result),
    ['parameters', parameters(result.parameters)],
    ['quality', quality ? qualityText(quality) : 'not measured: the version has no evaluator'],
    ['runtime', `${result.variant}, ${result.runtimeVersion}, agent ${result.agentVersion}`],
    ...kernelsText(result),
    ...(result.temperatureMaxCelsius === null
      ? []
      : [['heat', `${result.temperatureMaxCelsius.toFixed(1)} °C`] as [string, string]]),
    ...untoldText(result),
    ...(fit ? [['fit', fitText(fit)] as Fact] : []),
    ...disturbances.map((reason): [string, string] => ['disturbed', pc.yellow(reason)]),
    ['samples', `still bench samples ${benchRunId}${samplesText(result)}`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    `${pc.bold(`${model}@${version}`)} on ${pc.bold(device)} (${deviceClass})`,
    ...facts.map(([name, value]) => `  ${pc.dim(name.padEnd(width))}  ${value}`),
  ].join('\n');
}

function compiledText({ compiled }: BenchResult): string {
  const { anew = 0, fromCache = 0 } = compiled ?? {};
  // Parts that are held in turn are compiled when their turn comes.
  if (anew + fromCache === 0) return '';
  if (fromCache === 0) return ` (${plural(anew, 'graph')} compiled)`;
  return ` (${plural(fromCache, 'graph')} compiled before${anew === 0 ? '' : `, ${anew} now`})`;
}

function memoryText({
  peakRssBytes,
  anonymousBytes,
  mappedBytes,
  predictedPeakBytes,
  partsInTurn,
}: BenchResult): string {
  const mapped = mappedBytes === undefined ? '' : ` and mapped files ${bytes(mappedBytes)}`;
  const predicted = predictedPeakBytes === undefined ? '' : ` (predicted ${bytes(predictedPeakBytes)})`;
  const held = partsInTurn ? ', parts held in turn' : '';
  return `peak ${bytes(peakRssBytes)}${predicted}${held}; at the end private ${bytes(anonymousBytes)}${mapped}`;
}

function stepsText({ stepsMsP50 = [], roundTripMsP50 }: BenchResult): Fact[] {
  const steps: Fact[] = stepsMsP50.length === 0 ? [] : [['steps', eachStep(stepsMsP50)]];
  return roundTripMsP50 === undefined
    ? steps
    : [...steps, ['round trip', `${latency(roundTripMsP50)} as the agent sees it`]];
}

/** One by one where a line holds them. */
function eachStep(stepsMs: readonly number[]): string {
  if (stepsMs.length <= STEPS_IN_A_LINE) return stepsMs.map(latency).join(', ');
  const [low, high] = [Math.min(...stepsMs), Math.max(...stepsMs)].map(latency);
  return `${stepsMs.length} evaluations, from ${low} to ${high}, the first ${latency(stepsMs[0] ?? 0)} (--json has each)`;
}

/** What the network and the line add: the server's clock beside the device's. */
function seenText({ seenByServer, pictures }: Pick<BenchRunView, 'seenByServer' | 'pictures'>): Fact[] {
  const of = ({ seenMs, onDeviceMs }: { seenMs: number; onDeviceMs: number }) =>
    `${latency(seenMs)}, of which ${latency(onDeviceMs)} on the device`;
  const run = seenByServer ? [`this run ${of(seenByServer)}`] : [];
  const made = pictures
    ? [
        `a picture ${of({ seenMs: pictures.seenMsP50, onDeviceMs: pictures.onDeviceMsP50 })} (p50, n = ${pictures.count})`,
      ]
    : [];
  const facts = [...made, ...run];
  return facts.length === 0 ? [] : [['server saw', facts.join('; ')]];
}

function workText({ cpuMsPerPicture, energyJoulesPerPicture, frequencyMhz }: BenchResult): Fact[] {
  const facts = [
    cpuMsPerPicture !== undefined && `${latency(cpuMsPerPicture)} of processor time`,
    typeof energyJoulesPerPicture === 'number' && `${energyJoulesPerPicture.toFixed(2)} J`,
    frequencyMhz && `at ${Math.round(frequencyMhz.low)}–${Math.round(frequencyMhz.high)} MHz`,
  ].filter((fact) => typeof fact === 'string');
  return facts.length === 0 ? [] : [['a picture', facts.join(', ')]];
}

/** What a reader would look for and this machine does not tell, so that silence is not taken for nothing. */
function untoldText({ energyJoulesPerPicture, temperatureMaxCelsius, frequencyMhz }: BenchResult): Fact[] {
  const untold = [
    energyJoulesPerPicture === null && 'energy',
    temperatureMaxCelsius === null && 'temperature',
    frequencyMhz === null && 'clock frequency',
  ].filter((name) => name !== false);
  return untold.length === 0 ? [] : [['not told', `${untold.join(', ')}: not readable on this device`]];
}

/** Where most of the time goes; a reference kernel of a convolution is slow, and stands out. */
function kernelsText({ kernels = [] }: BenchResult): Fact[] {
  const most = [...kernels].sort((a, b) => b.share - a.share).slice(0, 4);
  const text = most.map(
    ({ graph, operator, kernel, share }) => `${graph} ${operator} ${kernel} ${(100 * share).toFixed(0)} %`,
  );
  const slow = kernels.find(
    ({ operator, kernel }) => kernel.startsWith('ref') && /convolution|fullyconnected|matmul/i.test(operator),
  );
  return [
    ...(text.length === 0 ? [] : [['kernels', text.join(', ')] as Fact]),
    ...(slow
      ? [['slow', pc.yellow(`${slow.graph}: ${slow.operator} runs in the reference kernel ${slow.kernel}`)] as Fact]
      : []),
  ];
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
  // Nearly all is not all.
  const share = (value: number) => `${value < 1 ? Math.min(99, Math.round(100 * value)) : 100} %`;
  return `${pc.bold(`${score.toFixed(2)}/5`)} (${share(adherence)} of all parts right, ${share(whole)} of the pictures whole, n = ${pictures.length})`;
}

/** A message of MQTT holds not all of a long run. */
function samplesText({ samples }: BenchResult): string {
  const whole = samples.filter(({ stagesMs }) => Object.keys(stagesMs).length > 0).length;
  return whole === samples.length
    ? ''
    : `  (each latency; the stages of ${whole} of ${samples.length}, evenly over the run)`;
}

const orTooFew = (ms: number | null): string => (ms === null ? 'too few samples' : latency(ms));
