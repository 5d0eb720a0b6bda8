import type { Store } from '../store/open-store.ts';

/** What ran before and was committed then is wanted again under the same installation: it was proven on this device. */
export function restore(store: Store, installationId: string): void {
  const place = store.places.before().find((before) => before.installationId === installationId);
  if (!place) return;
  store.transaction(() => {
    store.places.switchTo(place);
    store.outgoing.append({ kind: 'running', running: store.places.running() });
  });
}
