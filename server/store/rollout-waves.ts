import type { GateVerdict } from '../../shared/gates.ts';
import type { WaveState } from '../../shared/http-api.ts';
import type { Db } from './database.ts';
import { tell } from './rollouts.ts';

export interface Wave {
  readonly index: number;
  readonly state: WaveState;
  readonly startedAtMs: number | null;
  readonly deadlineMs: number | null;
  readonly verdicts: readonly GateVerdict[];
  readonly evidenceKey: string | null;
}

/** The waves of a new rollout, all PENDING. */
export async function insert(tx: Db, rolloutId: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++)
    await tx
      .insertInto('waves')
      .values({
        rollout_id: rolloutId,
        wave_index: index,
        state: 'PENDING',
        started_ms: null,
        deadline_ms: null,
        verdicts_json: '[]',
        evidence_key: null,
      })
      .execute();
}

export async function update(
  tx: Db,
  rolloutId: string,
  index: number,
  nowMs: number,
  change: Partial<Omit<Wave, 'index'>>,
): Promise<void> {
  await tx
    .updateTable('waves')
    .set({
      state: change.state,
      started_ms: change.startedAtMs,
      deadline_ms: change.deadlineMs,
      verdicts_json: change.verdicts && JSON.stringify(change.verdicts),
      evidence_key: change.evidenceKey,
    })
    .where('rollout_id', '=', rolloutId)
    .where('wave_index', '=', index)
    .execute();
  if (change.state) await tell(tx, rolloutId, nowMs, { wave: index, waveState: change.state });
}

/** Waves that have not begun will not, and the one under way ends as `running`. */
export async function endAll(tx: Db, rolloutId: string, running: 'FAILED' | 'CANCELED', nowMs: number): Promise<void> {
  for (const { index, state } of await of(tx, rolloutId)) {
    if (state === 'PENDING') await update(tx, rolloutId, index, nowMs, { state: 'CANCELED' });
    if (state === 'RUNNING' || state === 'AWAITING_APPROVAL')
      await update(tx, rolloutId, index, nowMs, { state: running });
  }
}

export async function of(db: Db, rolloutId: string): Promise<Wave[]> {
  const rows = await db
    .selectFrom('waves')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('wave_index')
    .execute();
  return rows.map((row) => ({
    index: row.wave_index,
    state: row.state as WaveState,
    startedAtMs: row.started_ms,
    deadlineMs: row.deadline_ms,
    verdicts: JSON.parse(row.verdicts_json),
    evidenceKey: row.evidence_key,
  }));
}
