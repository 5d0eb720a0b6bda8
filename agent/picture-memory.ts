// The memory of single pictures: a larger one than usual is decoded in tiles where it would not fit whole, and refused
// where it would not even so; what each took is kept.
import { type Engine, EngineFault, type EngineSpec, type GeneratedPicture } from './engine/engine.ts';
import type { Means } from './means.ts';
import { predictFor } from './plan-memory.ts';
import { chooseDecoding } from './rules/choose-decoding.ts';

interface Sized {
  readonly spec: EngineSpec;
  readonly engine: Engine;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** What the request says of tiles. */
  readonly tiled?: boolean | undefined;
}

/**
 * Only a size of its own is looked at: the usual one was planned for when the engine started.
 *
 * @throws EngineFault `memory_insufficient`
 */
export async function planPicture({ store, measure }: Means, asked: Sized): Promise<{ tiled?: boolean }> {
  const { spec, engine } = asked;
  const { resolution } = spec.variant;
  const [wide, high] = [asked.width ?? resolution.width, asked.height ?? resolution.height];
  const [usualPixels, pixels] = [resolution.width * resolution.height, wide * high];
  if (pixels <= usualPixels) return {};
  const bytesFor = async (count: number) => {
    const { togetherBytes, inTurnBytes } = await predictFor(store, spec, count);
    return engine.inTurn ? inTurnBytes : togetherBytes;
  };
  const [{ rssBytes }, { memoryAvailableBytes }] = await Promise.all([engine.resources(), measure.readHost()]);
  const decoding = chooseDecoding({
    ...{ pixels, wholeBytes: await bytesFor(pixels), usualBytes: await bytesFor(usualPixels) },
    asked: asked.tiled ?? spec.variant.tiled,
    able: spec.manifest.pipeline._class_name !== 'StillhousePipeline',
    thereBytes: rssBytes + memoryAvailableBytes,
  });
  if (decoding.kind === 'fits') return decoding.tiled ? { tiled: true } : {};
  const { predictedBytes, missingBytes } = decoding;
  throw new EngineFault(
    'memory_insufficient',
    `a picture of ${wide}x${high} is predicted to take ${predictedBytes} bytes, its engine can have ${predictedBytes - missingBytes}: ${missingBytes} too few; ask for a smaller one (usual here: ${resolution.width}x${resolution.height})`,
  );
}

/**
 * What the first picture of a size took is not kept: the second takes more.
 *
 * @returns the engine's peak where this picture is the largest that it made, else null
 */
export async function observeMemory(
  { store, engines }: Means,
  { spec, engine, made }: { spec: EngineSpec; engine: Engine; made: GeneratedPicture },
): Promise<number | null> {
  const pixels = made.width * made.height;
  // A picture in tiles says nothing of what the whole would have taken.
  const size = made.tiled ? 'smaller' : engines.compareSize(engine, pixels);
  if (size === 'smaller') return null;
  const resources = await engine.resources().catch(() => null);
  if (!resources) return null;
  if (engine.inTurn || size === 'larger') return resources.peakRssBytes;
  const { versionDigest, variant } = spec;
  const { loadedBytes } = engine;
  store.memory.observe(
    { versionDigest, variant: variant.name },
    { pixels, loadedBytes, peakBytes: resources.peakRssBytes },
  );
  return resources.peakRssBytes;
}
