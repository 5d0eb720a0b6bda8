import { explainSuccess } from '../../rules/rollout/explain.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as rollouts from '../../store/rollouts.ts';
import type { Situation } from './situation.ts';

/**
 * Of a rollout whose waves have all passed: no further device begins until somebody resumes it. What is done stays, and
 * so does its state: a device from a drawer undoes nothing on those that proved the version, and stands in nobody's way.
 */
export async function holdLate(
  tx: Db,
  { rollout: { rolloutId }, facts }: Situation,
  because: string,
  actor: string,
): Promise<void> {
  const { nowMs } = facts;
  const lateHold = { sinceMs: nowMs, because };
  const explanation = explainSuccess({ ...facts, lateHold });
  await rollouts.update(tx, rolloutId, nowMs, { lateHold, explanation }, { actor, what: 'held back' });
  await decisions.append(tx, {
    ...{ rolloutId, atMs: nowMs, actor, kind: 'hold-late', wave: null },
    explanation: `${because}; no further device begins`,
  });
}
