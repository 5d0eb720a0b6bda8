import type { ShadowView } from '../../shared/http-api.ts';
import { summariseShadow } from '../../shared/shadow.ts';
import type { Db } from './database.ts';
import * as shadows from './shadows.ts';

/** What the comparisons of these installations say, in their order. */
export async function viewShadows(
  db: Db,
  of: readonly (Pick<ShadowView, 'device' | 'model' | 'version'> & { installationId: string })[],
): Promise<ShadowView[]> {
  const stored = await shadows.of(
    db,
    of.map(({ installationId }) => installationId),
  );
  const byInstallation = Map.groupBy(stored, ({ installationId }) => installationId);
  return of.map(({ device, model, version, installationId }) => {
    const pairs = byInstallation.get(installationId) ?? [];
    return { device, model, version, against: pairs.at(-1)?.againstVersion ?? null, ...summariseShadow(pairs) };
  });
}
