import type { EngineSpec } from './engine/engine.ts';
import { engineSpec } from './engine-spec.ts';
import type { Means } from './means.ts';
import { availableFor, predictFor } from './plan-memory.ts';

/**
 * Closes engines that only stand by when the memory does not hold another one beside them.
 *
 * @param need.starts whether an engine of the version is about to start; false when the one that is loaded serves
 * @param need.keep name of a slot whose engine stays
 * @returns whether a picture can be made beside it
 */
export async function makeRoom(
  means: Means,
  spec: EngineSpec,
  need: { readonly starts: boolean; readonly keep?: string },
): Promise<boolean> {
  const { engines, log } = means;
  const ownBytes = need.starts ? (await predictFor(means.store, spec)).togetherBytes : 0;
  const neededBytes = ownBytes + (await pictureBytes(means));
  const memoryAvailableBytes = await availableFor(means, neededBytes);
  if (neededBytes <= memoryAvailableBytes) return true;
  if (ownBytes <= memoryAvailableBytes) return false;
  if (engines.loaded().length > 0)
    log(
      `an engine of ${spec.manifest.model}@${spec.manifest.version} needs ${ownBytes} bytes, ${memoryAvailableBytes} are available: engines that stand by are closed`,
    );
  await engines.keepOnly(new Set(need.keep === undefined ? [] : [need.keep]));
  return false;
}

/** What the engine of a picture would need that is not loaded yet; the largest, where several versions run. */
async function pictureBytes({ store, engines }: Means): Promise<number> {
  const specs = await Promise.all(store.places.running().map((place) => engineSpec(store, place).catch(() => null)));
  const unloaded = specs.filter((spec) => spec !== null).filter((spec) => !engines.isLoaded(spec));
  const predicted = await Promise.all(unloaded.map((spec) => predictFor(store, spec)));
  return Math.max(0, ...predicted.map(({ togetherBytes }) => togetherBytes));
}
