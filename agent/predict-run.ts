// What `still run` will take at its peak, before anything is loaded, and whether it fits.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineFault } from './engine/engine.ts';
import { readHost } from './measure/host.ts';
import { readNetworkShape } from './network-shape.ts';
import type { OpenedFolder } from './open-folder.ts';
import type { DescribedAdapter } from './pipeline/lora/describe-adapters.ts';
import { readText } from './pipeline/read-json.ts';
import type { PictureSize } from './rules/memory/picture-bytes.ts';
import { type MemoryFacts, predictMemory } from './rules/memory/predict-memory.ts';
import { weighAdapted, weighFiles } from './weigh-files.ts';

export interface AskedRun extends PictureSize {
  readonly batch: number;
  readonly tiled: boolean;
  readonly inTurn: boolean;
  /** The variant's own, too. */
  readonly adapters: readonly DescribedAdapter[];
}

export interface RunPrediction {
  /** Of the run as it is asked for. */
  readonly predictedPeakBytes: number;
  /** With one part held at a time. */
  readonly inTurnPeakBytes: number;
}

const SMALL = { pixels: 64 ** 2, batch: 1, tiled: false } as const;

/**
 * @param readAvailable bytes that are available
 * @throws EngineFault `memory_insufficient` with the numbers, and what would fit
 */
export async function predictRun(
  opened: OpenedFolder,
  asked: AskedRun,
  readAvailable = async () => (await readHost()).memoryAvailableBytes,
): Promise<RunPrediction> {
  const facts = await factsOf(opened, asked.adapters);
  const bytesOf = (run: AskedRun) => predictMemory(facts, run)[run.inTurn ? 'inTurnBytes' : 'togetherBytes'];
  const predictedPeakBytes = bytesOf(asked);
  const memoryAvailableBytes = await readAvailable();
  if (predictedPeakBytes <= memoryAvailableBytes)
    return { predictedPeakBytes, inTurnPeakBytes: bytesOf({ ...asked, inTurn: true }) };
  const others = [
    { option: '--in-turn', run: { ...asked, inTurn: true } },
    { option: '--tiled', run: { ...asked, tiled: facts.shape?.decoderAttends ?? false } },
    { option: '--tiled --in-turn', run: { ...asked, tiled: facts.shape?.decoderAttends ?? false, inTurn: true } },
    { option: '--batch 1', run: { ...asked, batch: 1 } },
    { option: 'a small --size such as 64x64', run: { ...asked, ...SMALL } },
    { option: 'a small --size such as 64x64 with --in-turn', run: { ...asked, ...SMALL, inTurn: true } },
  ];
  const found = others.find(({ run }) => bytesOf(run) <= memoryAvailableBytes);
  const remedy = found ? `${found.option} would take ${megabytes(bytesOf(found.run))}` : noSize(facts);
  throw new EngineFault(
    'memory_insufficient',
    `this is predicted to take ${megabytes(predictedPeakBytes)} of memory, and ${megabytes(memoryAvailableBytes)} are available; ${remedy}`,
  );
}

/** Graphs of ONNX Runtime can be cut into parts. */
const noSize = ({ runtime, shape }: MemoryFacts): string =>
  runtime === 'onnxruntime' && !shape?.cut
    ? 'no size of it fits; exported with --part-mb it takes less --in-turn'
    : 'no size of it fits';

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

async function factsOf(
  { spec, told, publishedPeakBytes }: OpenedFolder,
  adapters: AskedRun['adapters'],
): Promise<MemoryFacts> {
  const folder = join(spec.folder, spec.variant.folder);
  const files = filesOf(folder);
  return {
    ...{ runtime: told.runtime, inferencePrecision: told.inferencePrecision, parameters: told.parameters },
    ...weighFiles(files),
    ...{ publishedPeakBytes, observed: null },
    shape: await readNetworkShape(folder, readText, process.arch),
    adapted: weighAdapted(files, adapters),
  };
}

/** By paths within the folder; links are followed, as hubs' caches are made of them. */
function filesOf(folder: string) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const found = statSync(join(folder, path), { throwIfNoEntry: false });
    return found?.isFile() ? [{ path, bytes: found.size }] : [];
  });
}
