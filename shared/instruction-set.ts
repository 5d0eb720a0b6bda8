import type { Inventory } from './inventory.ts';
import type { Variant } from './manifest.ts';

export type Processor = Pick<Inventory, 'architecture' | 'cpuFeatures'>;

/** Why the processor cannot run a variant, naming what it lacks; null when it can, or when nothing is asked of it. */
export function instructionSetFault(
  { name, instructionSets }: Pick<Variant, 'name' | 'instructionSets'>,
  { architecture, cpuFeatures }: Processor,
): string | null {
  if (!instructionSets) return null;
  const needed = instructionSets[architecture];
  if (!needed)
    return `${name} is made for ${Object.keys(instructionSets).join(', ') || 'no architecture'}, the processor is ${architecture}`;
  const missing = needed.filter((feature) => !cpuFeatures.includes(feature));
  // A machine whose features could not be read is not refused for that: its engine says it at the load.
  if (missing.length === 0 || cpuFeatures.length === 0) return null;
  return `${name} needs ${needed.join(', ')} of an ${architecture} processor, this one lacks ${missing.join(', ')}`;
}
