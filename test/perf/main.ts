// `npm run perf`: every measurement in turn, alone on the machine, and one table.
import { availableParallelism, cpus, totalmem } from 'node:os';
import Table from 'cli-table3';
import { messageOf } from '../../shared/errors.ts';
import { commandLine } from '../command-line.ts';
import { type PerfResult, reached } from './result.ts';

/** Null where the machine has not what is measured. */
const measurements: Readonly<Record<string, () => Promise<PerfResult | null>>> = {
  picture: async () => (await import('./picture.ts')).measurePicture('onnxruntime'),
  'picture-openvino': async () => (await import('./picture.ts')).measurePicture('openvino'),
  'picture-latents-onnxruntime': async () => (await import('./picture.ts')).measureLatentPicture('onnxruntime'),
  'picture-latents-openvino': async () => (await import('./picture.ts')).measureLatentPicture('openvino'),
  'peak-memory-onnxruntime': async () => (await import('./peak-memory.ts')).measurePeakMemory('onnxruntime'),
  'peak-memory-openvino': async () => (await import('./peak-memory.ts')).measurePeakMemory('openvino'),
  batch: async () => (await import('./batch.ts')).measureBatch('onnxruntime'),
  'batch-openvino': async () => (await import('./batch.ts')).measureBatch('openvino'),
  'second-size-openvino': async () => (await import('./second-size.ts')).measureSecondSize(),
  'alternating-sizes-openvino': async () => (await import('./second-size.ts')).measureAlternatingSizes(),
  'cached-load-openvino': async () => (await import('./cached-load.ts')).measureCachedLoad(),
  noise: async () => (await import('./noise.ts')).measureNoise(),
  'step-overhead': async () => (await import('./step-overhead.ts')).measureStepOverhead(),
  'cancel-onnxruntime': async () => (await import('./cancel.ts')).measureCancel('onnxruntime', 'any'),
  'cancel-openvino': async () => (await import('./cancel.ts')).measureCancel('openvino', 'any'),
  'cancel-step-onnxruntime': async () => (await import('./cancel.ts')).measureCancel('onnxruntime', 'step'),
  'cancel-step-openvino': async () => (await import('./cancel.ts')).measureCancel('openvino', 'step'),
  'cancel-large-onnxruntime': async () => (await import('./cancel.ts')).measureCancel('onnxruntime', 'large'),
  'cancel-large-openvino': async () => (await import('./cancel.ts')).measureCancel('openvino', 'large'),
  'diffusers-onnxruntime': async () => (await import('./others.ts')).measureAgainstDiffusers('onnxruntime'),
  'diffusers-openvino': async () => (await import('./others.ts')).measureAgainstDiffusers('openvino'),
  'diffusers-openvino-bf16': async () => (await import('./others.ts')).measureAgainstDiffusersInBf16(),
  'pytorch-student-onnxruntime': async () => (await import('./others.ts')).measureAgainstPyTorchStudent('onnxruntime'),
  'pytorch-student-openvino': async () => (await import('./others.ts')).measureAgainstPyTorchStudent('openvino'),
  'inference-precision': async () => (await import('./inference-precision.ts')).measureInferencePrecision(),
  genai: async () => (await import('./others.ts')).measureAgainstGenAi(),
  'genai-bf16': async () => (await import('./others.ts')).measureAgainstGenAiInBf16(),
  'stable-diffusion-cpp': async () => (await import('./others.ts')).measureAgainstStableDiffusionCpp(),
  'agent-stall': async () => (await import('./agent-stall.ts')).measureAgentStall(),
  'agent-memory': async () => (await import('./agent-memory.ts')).measureAgentMemory(),
  'artifact-serving': async () => (await import('./artifact-serving.ts')).measureArtifactServing(),
  telemetry: async () => (await import('./telemetry.ts')).measureTelemetry(),
  'rollout-reducer': async () => (await import('./rollout-reducer.ts')).measureRolloutReducer(),
  'fleet-rollout': async () => (await import('./fleet-rollout.ts')).measureFleetRollout(),
  'connected-devices': async () => (await import('./connected-devices.ts')).measureConnectedDevices(),
};

// They install packages, so only by their names.
const ONLY_BY_NAME = ['genai', 'genai-bf16', 'stable-diffusion-cpp'];

const USAGE = `npm run perf                       everything (about 10 minutes)
npm run perf -- --only telemetry   one of them; may be given several times
npm run perf -- --only genai       against OpenVINO GenAI, which it installs into a temporary environment
npm run perf -- --only stable-diffusion-cpp   likewise; needs cmake and g++, 8 GB of disk, and builds for half an hour
npm run perf -- --json             for a program

What there is: ${Object.keys(measurements).join(', ')}`;

const values = commandLine(USAGE, {
  only: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
});
const names = values.only ?? Object.keys(measurements).filter((name) => !ONLY_BY_NAME.includes(name));
const unknown = names.filter((name) => !Object.hasOwn(measurements, name));
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(', ')}: expected ${Object.keys(measurements).join(', ')}`);
  process.exit(2);
}

const results: PerfResult[] = [];
for (const name of names) {
  if (!values.json) process.stderr.write(`${name} …\n`);
  try {
    const result = await measurements[name]?.();
    if (result) results.push(result);
    else if (!values.json) process.stderr.write(`${name}: nothing to measure on this processor\n`);
  } catch (error) {
    console.error(`${name} was not measured: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
console.log(values.json ? JSON.stringify({ machine: machine(), results }, null, 2) : asText());

function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

function asText(): string {
  const { cpu, cores, memoryBytes, node, date } = machine();
  const table = new Table({
    head: ['measured', 'value', 'spread', 'goal', ''],
    style: { head: [], border: [] },
    colWidths: [44, 12, 20, 16, 8],
    wordWrap: true,
  });
  for (const result of results) {
    const { what, spread, unit, goal, goalIs } = result;
    const range = spread ? `${inUnit(spread.low, unit)} – ${inUnit(spread.high, unit)}` : '';
    const target = `${goalIs === 'at most' ? '≤' : '≥'} ${inUnit(goal, unit)}`;
    table.push([what, inUnit(result.value, unit), range, target, reached(result) ? 'ok' : 'missed']);
  }
  const details = results.map(({ name, detail }) => `${name}: ${detail}`);
  const line = `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB, Node ${node}, ${date}`;
  return [line, table.toString(), ...details].join('\n');
}

function inUnit(value: number, unit: PerfResult['unit']): string {
  switch (unit) {
    case 'ratio':
      return `${value.toFixed(2)}x`;
    case 'ms':
      return `${value.toFixed(1)} ms`;
    case 'bytes':
      return `${(value / 2 ** 20).toFixed(1)} MiB`;
    case 'devices':
      return value.toLocaleString('en');
  }
}
