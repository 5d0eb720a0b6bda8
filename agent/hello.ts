import type { Clock } from '../shared/clock.ts';
import type { Inventory } from '../shared/inventory.ts';
import type { Hello } from '../shared/messages.ts';
import type { Store } from './store/open-store.ts';

/** What the agent says first: where everything stands, so that the server need not guess. */
export function helloOf(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  about: { readonly bootId: string; readonly agentVersion: string; readonly inventory: Inventory },
): Hello {
  const desired = store.desired.get();
  const wanted = new Set(desired?.models.map(({ installationId }) => installationId));
  const onDisk = new Set([...store.places.running(), ...store.places.before()].map((place) => place.installationId));
  return {
    ...about,
    generation: desired?.generation ?? -1,
    running: store.places.running(),
    installations: store.installations
      .all()
      // What was committed and is here no more goes unnamed: the server then has it installed anew.
      .filter(
        ({ installationId, state }) =>
          wanted.has(installationId) && (state !== 'COMMITTED' || onDisk.has(installationId)),
      )
      .map(({ installationId, state, reason }) => ({ installationId, state, ...(reason && { reason }) })),
    jobs: store.jobs.open().map(({ jobId, state }) => ({ jobId, state })),
    atMs: clock.now(),
  };
}
