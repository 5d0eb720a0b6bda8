import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import * as rollouts from '../../store/rollouts.ts';
import type { Situation } from './situation.ts';

/** A gate has failed: the devices return, or the operator decides. */
export async function stopRollout(tx: Db, { rollout, facts: { nowMs } }: Situation, because: string): Promise<void> {
  const { rolloutId, onFailure } = rollout;
  await decisions.append(tx, {
    ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'stop', wave: null },
    explanation: `${because}; ${onFailure === 'pause' ? 'paused' : 'its devices return'}`,
  });
  if (onFailure === 'pause') {
    const explanation = `${because}; paused: "resume" judges again, "approve" passes over it, "abort" returns the devices`;
    return rollouts.update(tx, rolloutId, nowMs, { state: 'PAUSED', explanation });
  }
  await rolloutWaves.endAll(tx, rolloutId, 'FAILED', nowMs);
  await rollouts.update(tx, rolloutId, nowMs, {
    state: 'ROLLING_BACK',
    ending: 'STOPPED',
    endingBecause: because,
    returningSinceMs: nowMs,
    explanation: `${because}; its devices return`,
  });
}
