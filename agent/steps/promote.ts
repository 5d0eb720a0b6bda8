import type { DesiredModel } from '../../shared/desired-state.ts';
import type { Store } from '../store/open-store.ts';

/** The version that runs beside the current one takes its place, in one transaction: each picture is made by one of them. */
export function promote(store: Store, wanted: DesiredModel): void {
  const { installationId, model, version, versionDigest, variant, role } = wanted;
  store.transaction(() => {
    store.places.promote({ installationId, model, version, versionDigest, variant, role });
    store.outgoing.append({ kind: 'running', running: store.places.running() });
  });
}
