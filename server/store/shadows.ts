// What versions that run beside the current ones showed: of each installation the newest comparisons.
import type { ShadowComparison } from '../../shared/messages.ts';
import type { Db } from './database.ts';

/** More would say nothing new, and devices compare all day. */
const KEPT = 1000;

export interface StoredComparison {
  readonly installationId: string;
  readonly againstVersion: string;
  /** Of the picture that was returned, and of the shadow's. */
  readonly latencyMs: readonly [number, number];
  readonly meanAbsoluteDifference: number | null;
  readonly sameLabels: number | null;
  readonly adherence: readonly [number, number] | null;
}

export async function insert(
  tx: Db,
  { deviceId, comparison, receivedAtMs }: { deviceId: string; comparison: ShadowComparison; receivedAtMs: number },
): Promise<void> {
  const { installationId, against, latencyMs, adherence } = comparison;
  await tx
    .insertInto('shadow_comparisons')
    .values({
      device_id: deviceId,
      installation_id: installationId,
      against_version: against.version,
      against_digest: against.versionDigest,
      latency_ms_returned: latencyMs[0],
      latency_ms_shadow: latencyMs[1],
      mean_absolute_difference: comparison.meanAbsoluteDifference,
      same_labels: comparison.sameLabels,
      adherence_returned: adherence?.[0] ?? null,
      adherence_shadow: adherence?.[1] ?? null,
      received_ms: receivedAtMs,
    })
    .execute();
  await tx
    .deleteFrom('shadow_comparisons')
    .where('comparison_id', 'in', (eb) =>
      eb
        .selectFrom('shadow_comparisons as old')
        .select('old.comparison_id')
        .where('old.installation_id', '=', installationId)
        .orderBy('old.comparison_id', 'desc')
        .limit(-1)
        .offset(KEPT),
    )
    .execute();
}

/** Oldest first. */
export async function of(db: Db, installationIds: readonly string[]): Promise<StoredComparison[]> {
  if (installationIds.length === 0) return [];
  const rows = await db
    .selectFrom('shadow_comparisons')
    .selectAll()
    .where('installation_id', 'in', installationIds)
    .orderBy('comparison_id')
    .execute();
  return rows.map((row) => ({
    installationId: row.installation_id,
    againstVersion: row.against_version,
    latencyMs: [row.latency_ms_returned, row.latency_ms_shadow],
    meanAbsoluteDifference: row.mean_absolute_difference,
    sameLabels: row.same_labels,
    adherence:
      row.adherence_returned === null || row.adherence_shadow === null
        ? null
        : [row.adherence_returned, row.adherence_shadow],
  }));
}
