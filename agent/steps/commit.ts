import type { BenchResult } from '../../shared/bench.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import { limits } from '../../shared/limits.ts';
import { fitBench } from '../rules/fit-report.ts';
import type { Store } from '../store/open-store.ts';

/** The switch: one transaction that turns the device from the old version to the new one and says so. */
export function commit(store: Store, wanted: DesiredModel, result: BenchResult): void {
  const { installationId, model, version, versionDigest, variant, role } = wanted;
  store.transaction(() => {
    const fitting = fitBench(result, limits.mqttMessageBytes / 2);
    store.outgoing.append({ kind: 'probe', installationId, result: fitting });
    if (!store.installations.move(installationId, 'COMMITTED')) return;
    store.places.switchTo({ installationId, model, version, versionDigest, variant, role });
    store.outgoing.append({ kind: 'running', running: store.places.running() });
  });
}
