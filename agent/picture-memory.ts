// The memory of single pictures: a larger one than usual is decoded in tiles where it would not fit whole, and refused
// where it would not even so; one of a size that comes back leaves the size before in memory where both fit; what each took is kept.
import { type Engine, EngineFault, type EngineSpec, type Painted } from './engine/engine.ts';
import type { Means } from './means.ts';
import { availableFor, predictFor } from './plan-memory.ts';
import { chooseDecoding } from './rules/choose-decoding.ts';
import { isSameSize, type PaintedSize, sizeToKeep, staysBeside } from './rules/keep-size.ts';

interface Sized {
  readonly spec: EngineSpec;
  readonly engine: Engine;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** What the request says of tiles. */
  readonly tiled?: boolean | undefined;
  /** Whether it begins from a picture. */
  readonly image?: boolean | undefined;
}

/** @throws EngineFault `memory_insufficient` */
export async function planPicture(
  means: Means,
  asked: Sized,
): Promise<{ readonly tiled?: boolean; readonly keepSizes?: boolean }> {
  const decoding = await planDecoding(means, asked);
  const { spec, engine } = asked;
  const { resolution, tiled = false } = spec.variant;
  const usual = { ...resolution, tiled };
  const size = {
    width: asked.width ?? usual.width,
    height: asked.height ?? usual.height,
    tiled: decoding.tiled ?? asked.tiled ?? tiled,
  };
  const { painted } = means.engines;
  const recent = painted.recent(engine, usual);
  const keeps = await keepsLast(means, asked, { recent, size });
  painted.paints(engine, { recent, keeps }, size);
  return { ...decoding, ...(keeps && { keepSizes: true }) };
}

/** Whether forms of another size stay in the engine's memory; those that it already holds beside the last one may, until another is compiled. */
async function keepsLast(
  { store, measure, engines }: Means,
  { spec, engine }: Sized,
  { recent, size }: { recent: readonly PaintedSize[]; size: PaintedSize },
): Promise<boolean> {
  if (engine.compiled === null || engine.inTurn) return false;
  const last = recent.at(-1);
  if (last && isSameSize(last, size)) return engines.painted.keeps(engine);
  const kept = sizeToKeep(recent, size);
  if (!kept) return false;
  const [{ rssBytes }, { memoryAvailableBytes }] = await Promise.all([engine.resources(), measure.readHost()]);
  const { togetherBytes } = await predictFor(store, spec, {
    ...{ pixels: size.width * size.height, besidePixels: kept.width * kept.height },
  });
  return staysBeside(togetherBytes, rssBytes + memoryAvailableBytes);
}

/** The usual size, from noise, is not looked at: that one was planned for when the engine started. */
async function planDecoding(means: Means, asked: Sized): Promise<{ readonly tiled?: boolean }> {
  const { store } = means;
  const { spec, engine } = asked;
  const { resolution } = spec.variant;
  const [wide, high] = [asked.width ?? resolution.width, asked.height ?? resolution.height];
  const [usualPixels, pixels] = [resolution.width * resolution.height, wide * high];
  if (pixels <= usualPixels && !asked.image) return {};
  const bytesFor = async (tiled: boolean) => {
    const { togetherBytes, inTurnBytes } = await predictFor(store, spec, {
      pixels,
      tiled,
      image: asked.image ?? false,
    });
    return engine.inTurn ? inTurnBytes : togetherBytes;
  };
  const [wholeBytes, tiledBytes] = [await bytesFor(false), await bytesFor(true)];
  const { rssBytes } = await engine.resources();
  const memoryAvailableBytes = await availableFor(means, wholeBytes - rssBytes);
  const decoding = chooseDecoding({
    ...{ wholeBytes, tiledBytes },
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
 * Keeps what the engine took by now, after a picture that somebody asked for or one of a bench. What the first picture of a size
 * took is not kept: the second takes more.
 *
 * @returns the engine's peak where this picture is the largest that it made and no other size was held beside one, else null
 */
export async function observeMemory(
  { store, engines }: Pick<Means, 'store' | 'engines'>,
  { spec, engine, made }: Painted,
): Promise<number | null> {
  const pixels = made.width * made.height;
  // A picture in tiles says nothing of what the whole would have taken.
  const size = made.tiled ? 'smaller' : engines.painted.compare(engine, pixels);
  if (size === 'smaller' || size === 'unknown') return null;
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
