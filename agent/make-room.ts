import type { EngineSpec } from './engine/engine.ts';
import type { Means } from './means.ts';

/**
 * Closes engines that only stand by when the memory does not hold another one of `spec` beside them.
 *
 * @param keep name of a slot whose engine stays
 * @returns whether there is room beside what is loaded
 */
export async function makeRoom({ engines, measure, log }: Means, spec: EngineSpec, keep?: string): Promise<boolean> {
  const { memoryAvailableBytes } = await measure.readHost();
  const neededBytes = spec.variant.measured.peakRssBytes;
  if (neededBytes <= memoryAvailableBytes) return true;
  if (engines.loaded().length > 0)
    log(
      `an engine of ${spec.manifest.model}@${spec.manifest.version} needs ${neededBytes} bytes, ${memoryAvailableBytes} are available: engines that stand by are closed`,
    );
  await engines.keepOnly(new Set(keep === undefined ? [] : [keep]));
  return false;
}
