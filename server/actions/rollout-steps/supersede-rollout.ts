import { StillError } from '../../../shared/errors.ts';
import { mayBecome, tellChange } from '../../rules/rollout/states.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import * as rollouts from '../../store/rollouts.ts';

/**
 * A newer rollout takes the place of an open one. What is under way on devices goes on until the newer one reaches them;
 * devices that have not heard of it never will.
 */
export async function supersedeRollout(
  tx: Db,
  rolloutId: string,
  by: { rolloutId: string; version: string; atMs: number; actor: string },
): Promise<void> {
  const { atMs, actor } = by;
  const rollout = await rollouts.get(tx, rolloutId);
  if (!mayBecome(rollout.state, 'SUPERSEDED')) throw new StillError('conflict', tellChange(rollout));
  await rolloutWaves.endAll(tx, rolloutId, 'CANCELED', atMs);
  const explanation = `superseded by ${by.rolloutId} (${rollout.model}@${by.version}), which ${actor} started`;
  const reason = { code: 'superseded', message: explanation } as const;
  for (const installation of await installations.ofRollout(tx, rolloutId))
    if (installation.state === 'QUEUED')
      await desiredStates.withdraw(tx, installation, { to: 'SUPERSEDED', reason }, atMs);
  const change = { state: 'SUPERSEDED', endedAtMs: atMs, explanation } as const;
  await rollouts.update(tx, rolloutId, atMs, change, { actor, what: `superseded by ${by.rolloutId}` });
  await decisions.append(tx, { rolloutId, atMs, actor, kind: 'supersede', wave: null, explanation });
}
