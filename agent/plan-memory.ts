// Before an engine starts, or makes a larger picture: will it fit, and how? A refusal names the numbers.
import { join } from 'node:path';
import { EngineFault, type EngineSpec } from './engine/engine.ts';
import type { Measure } from './means.ts';
import { readNetworkShape } from './network-shape.ts';
import { type MemoryFacts, type MemoryPrediction, predictMemory } from './rules/predict-memory.ts';
import type { Store } from './store/open-store.ts';
import { type WeighedFile, weighFiles } from './weigh-files.ts';

export interface MemoryPlan {
  readonly inTurn: boolean;
  readonly predictedPeakBytes: number;
}

/** What the version's engine is predicted to take for pictures of so many pixels, one after the other. */
export async function predictFor(
  store: Store,
  spec: EngineSpec,
  pixels = defaultPixels(spec),
): Promise<MemoryPrediction> {
  return predictMemory(await memoryFacts(store, spec), { pixels, again: true });
}

/** @throws EngineFault `memory_insufficient` where not even one part at a time would fit */
export async function planMemory(
  { store, measure }: { readonly store: Store; readonly measure: Pick<Measure, 'readHost'> },
  spec: EngineSpec,
): Promise<MemoryPlan> {
  const { togetherBytes, inTurnBytes } = await predictFor(store, spec);
  const { memoryAvailableBytes } = await measure.readHost();
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
  return {
    runtime: variant.runtime,
    parameters: variant.parameters,
    ...weighFiles(graphFiles(spec)),
    publishedPeakBytes: variant.measured.peakRssBytes,
    observed: store.memory.of({ versionDigest, variant: variant.name }),
    shape: await readNetworkShape(join(folder, variant.folder), (path) => store.slots.readText(path), process.arch),
    adapted: { graphBytes: 0, weightBytes: 0 },
  };
}

/** As the manifest has them, which the disk was checked against. */
function graphFiles({ manifest, variant }: EngineSpec): WeighedFile[] {
  const own = new Set(variant.artifacts);
  return manifest.artifacts
    .filter(({ path }) => own.has(path))
    .map(({ path, sizeBytes }) => ({ path, bytes: sizeBytes }));
}

const defaultPixels = ({ variant: { resolution } }: EngineSpec): number => resolution.width * resolution.height;
