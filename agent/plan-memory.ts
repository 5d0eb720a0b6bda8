// Before an engine starts, or makes a larger picture: will it fit, and how? A refusal names the numbers.
import { join } from 'node:path';
import { inferencePrecisionOf } from '../shared/inference-precision.ts';
import { EngineFault, type EngineSpec } from './engine/engine.ts';
import type { Measure } from './means.ts';
import { readNetworkShape } from './network-shape.ts';
import type { ResidentEngines } from './resident-engines.ts';
import type { PictureSize } from './rules/memory/picture-bytes.ts';
import { type MemoryFacts, type MemoryPrediction, predictMemory } from './rules/memory/predict-memory.ts';
import type { Store } from './store/open-store.ts';
import { type WeighedFile, weighAdapted, weighFiles } from './weigh-files.ts';

export interface MemoryPlan {
  readonly inTurn: boolean;
  readonly predictedPeakBytes: number;
}

/**
 * What the version's engine is predicted to take for pictures of a size, one after the other.
 *
 * @param size what is left out is the variant's own
 */
export async function predictFor(
  store: Store,
  spec: EngineSpec,
  size: Partial<PictureSize> = {},
): Promise<MemoryPrediction> {
  const { resolution, tiled = false } = spec.variant;
  const usual = { pixels: resolution.width * resolution.height, tiled };
  return predictMemory(await memoryFacts(store, spec), { ...usual, ...size });
}

export interface Surroundings {
  readonly measure: Pick<Measure, 'readHost'>;
  readonly engines: Pick<ResidentEngines, 'makeWay'>;
}

/** Bytes that are available; where they are too few, after engines dropped what they only keep to be quicker. */
export async function availableFor({ measure, engines }: Surroundings, neededBytes: number): Promise<number> {
  const { memoryAvailableBytes } = await measure.readHost();
  if (neededBytes <= memoryAvailableBytes || !(await engines.makeWay())) return memoryAvailableBytes;
  return (await measure.readHost()).memoryAvailableBytes;
}

/** @throws EngineFault `memory_insufficient` where not even one part at a time would fit */
export async function planMemory(
  { store, ...around }: Surroundings & { readonly store: Store },
  spec: EngineSpec,
): Promise<MemoryPlan> {
  const { togetherBytes, inTurnBytes } = await predictFor(store, spec);
  const memoryAvailableBytes = await availableFor(around, togetherBytes);
  if (togetherBytes <= memoryAvailableBytes) return { inTurn: false, predictedPeakBytes: togetherBytes };
  if (inTurnBytes <= memoryAvailableBytes) return { inTurn: true, predictedPeakBytes: inTurnBytes };
  const { manifest, variant } = spec;
  throw new EngineFault(
    'memory_insufficient',
    `${manifest.model}@${manifest.version} (${variant.name}) is predicted to take ${inTurnBytes} bytes with one part loaded at a time (${togetherBytes} with all), ${memoryAvailableBytes} are available: ${inTurnBytes - memoryAvailableBytes} too few`,
  );
}

async function memoryFacts(store: Store, spec: EngineSpec): Promise<MemoryFacts> {
  const { versionDigest, variant, folder } = spec;
  const files = graphFiles(spec);
  return {
    runtime: variant.runtime,
    inferencePrecision: inferencePrecisionOf(variant),
    parameters: variant.parameters,
    ...weighFiles(files),
    publishedPeakBytes: variant.measured.peakRssBytes,
    observed: store.memory.of({ versionDigest, variant: variant.name }),
    shape: await readNetworkShape(join(folder, variant.folder), (path) => store.slots.readText(path), process.arch),
    adapted: weighAdapted(files, variant.adapters ?? []),
  };
}

/** As the manifest has them, which the disk was checked against. */
function graphFiles({ manifest, variant }: EngineSpec): WeighedFile[] {
  const own = new Set(variant.artifacts);
  return manifest.artifacts
    .filter(({ path }) => own.has(path))
    .map(({ path, sizeBytes }) => ({ path, bytes: sizeBytes }));
}
