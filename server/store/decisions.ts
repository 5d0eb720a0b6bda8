// What was decided about a rollout, by whom, and from what evidence. Append-only, like the transitions it explains.
import type { DecisionView } from '../../shared/http-api.ts';
import type { Db } from './database.ts';

export interface Decision {
  readonly rolloutId: string;
  readonly atMs: number;
  /** `the server` where a rule decided. */
  readonly actor: string;
  readonly kind: DecisionView['kind'];
  readonly wave: number | null;
  readonly explanation: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
}

export const SERVER = 'the server';

export async function append(tx: Db, decision: Decision): Promise<void> {
  await tx
    .insertInto('decisions')
    .values({
      rollout_id: decision.rolloutId,
      at_ms: decision.atMs,
      actor: decision.actor,
      kind: decision.kind,
      wave_index: decision.wave,
      explanation: decision.explanation,
      evidence_json: JSON.stringify(decision.evidence ?? {}),
    })
    .execute();
}

/** Oldest first. */
export async function of(db: Db, rolloutId: string): Promise<DecisionView[]> {
  const rows = await db
    .selectFrom('decisions')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('decision_id')
    .execute();
  return rows.map((row) => ({
    atMs: row.at_ms,
    actor: row.actor,
    kind: row.kind as DecisionView['kind'],
    wave: row.wave_index,
    explanation: row.explanation,
    evidence: JSON.parse(row.evidence_json),
  }));
}
