import type { DesiredModel } from '../../shared/desired-state.ts';
import type { Store } from '../store/open-store.ts';

/** The version that runs is wanted under another installation of it that was committed here, too: only the name changes. */
export function adopt(store: Store, wanted: DesiredModel): void {
  const { installationId, model, version, versionDigest, variant, role } = wanted;
  store.transaction(() => {
    store.places.switchTo({ installationId, model, version, versionDigest, variant, role });
    store.outgoing.append({ kind: 'running', running: store.places.running() });
  });
}
