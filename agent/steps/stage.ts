import type { DesiredModel } from '../../shared/desired-state.ts';
import { engineSpec, slotFiles } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { slotName } from '../rules/kept-versions.ts';
import type { StepOutcome } from '../rules/step-outcome.ts';

/** Lays the verified blobs out as the folder that an engine runs from. */
export async function stage({ store }: Means, wanted: DesiredModel): Promise<StepOutcome> {
  const files = slotFiles(store, await engineSpec(store, wanted));
  const name = slotName(wanted);
  if (!(await store.slots.isBuilt(name, files))) await store.slots.build(name, files);
  return { kind: 'moved', to: 'STAGED' };
}
