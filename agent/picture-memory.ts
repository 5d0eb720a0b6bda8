// The memory of single pictures: a larger one than usual is refused where it would not fit, and what each took is kept.
import { type Engine, EngineFault, type EngineSpec, type GeneratedPicture } from './engine/engine.ts';
import type { Means } from './means.ts';
import { predictFor } from './plan-memory.ts';

/** Only a size of its own is looked at: the usual one was planned for when the engine started. */
export async function requireMemory(
  { store, measure }: Means,
  {
    spec,
    engine,
    width,
    height,
  }: { spec: EngineSpec; engine: Engine; width?: number | undefined; height?: number | undefined },
): Promise<void> {
  const { resolution } = spec.variant;
  const [wide, high] = [width ?? resolution.width, height ?? resolution.height];
  if (wide * high <= resolution.width * resolution.height) return;
  const { togetherBytes, inTurnBytes } = await predictFor(store, spec, wide * high);
  const predictedBytes = engine.inTurn ? inTurnBytes : togetherBytes;
  const [{ rssBytes }, { memoryAvailableBytes }] = await Promise.all([engine.resources(), measure.readHost()]);
  const thereBytes = rssBytes + memoryAvailableBytes;
  if (predictedBytes <= thereBytes) return;
  throw new EngineFault(
    'memory_insufficient',
    `a picture of ${wide}x${high} is predicted to take ${predictedBytes} bytes, its engine can have ${thereBytes}: ${predictedBytes - thereBytes} too few; ask for a smaller one (usual here: ${resolution.width}x${resolution.height})`,
  );
}

export async function observeMemory(
  { store, engines }: Means,
  { spec, engine, made }: { spec: EngineSpec; engine: Engine; made: GeneratedPicture },
): Promise<void> {
  const pixels = made.width * made.height;
  if (engine.inTurn || !engines.isLargestYet(engine, pixels)) return;
  const resources = await engine.resources().catch(() => null);
  if (!resources) return;
  const { versionDigest, variant } = spec;
  const { loadedBytes } = engine;
  store.memory.observe(
    { versionDigest, variant: variant.name },
    { pixels, loadedBytes, peakBytes: resources.peakRssBytes },
  );
}
