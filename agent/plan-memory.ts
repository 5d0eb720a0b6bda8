// Before an engine starts, or makes a larger picture: will it fit, and how? A refusal names the numbers.
import { posix } from 'node:path';
import { EngineFault, type EngineSpec } from './engine/engine.ts';
import type { Measure } from './means.ts';
import { type MemoryFacts, type MemoryPrediction, predictMemory } from './rules/predict-memory.ts';
import type { Store } from './store/open-store.ts';

export interface MemoryPlan {
  readonly inTurn: boolean;
  readonly predictedPeakBytes: number;
}

/** What the version's engine is predicted to take for a picture of so many pixels. */
export async function predictFor(
  store: Store,
  spec: EngineSpec,
  pixels = defaultPixels(spec),
): Promise<MemoryPrediction> {
  return predictMemory(memoryFacts(store, spec), pixels);
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

function memoryFacts(store: Store, spec: EngineSpec): MemoryFacts {
  const { versionDigest, variant } = spec;
  const files = graphFiles(spec);
  const components = new Map<string, number>();
  for (const { component, bytes } of files) components.set(component, (components.get(component) ?? 0) + bytes);
  const bytesOf = (ending: RegExp) =>
    files.filter(({ name }) => ending.test(name)).reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    runtime: variant.runtime,
    parameters: variant.parameters,
    componentBytes: [...components.values()],
    graphBytes: bytesOf(/\.xml$/),
    weightBytes: bytesOf(/(_data|\.data|\.bin)$/),
    decodes: [...components.keys()].some((component) => component.includes('vae_decoder')),
    publishedPeakBytes: variant.measured.peakRssBytes,
    observed: store.memory.of({ versionDigest, variant: variant.name }),
  };
}

/**
 * The graphs and their weights, by component; as the manifest has them, which the disk was checked against. What reads
 * pictures is loaded by the first request that begins from one.
 */
function graphFiles({ manifest, variant }: EngineSpec) {
  const own = new Set(variant.artifacts);
  return manifest.artifacts
    .filter(({ path }) => own.has(path) && /\.(onnx|onnx_data|data|xml|bin)$/.test(path))
    .filter(({ path }) => posix.basename(posix.dirname(path)) !== 'vae_encoder')
    .map(({ path, sizeBytes }) => ({ name: posix.basename(path), component: componentOf(path), bytes: sizeBytes }));
}

/** A part of a graph (`part_03.onnx`, its weights beside it) is held by itself. */
const componentOf = (path: string): string => /^(.*\/part_\d+)\.onnx/.exec(path)?.[1] ?? posix.dirname(path);

const defaultPixels = ({ variant: { resolution } }: EngineSpec): number => resolution.width * resolution.height;
