import { StillError } from '../../shared/errors.ts';
import { plural } from '../../shared/plural.ts';
import { tellChange } from '../rules/rollout/states.ts';
import * as audit from '../store/audit.ts';
import type { Db } from '../store/database.ts';
import * as decisions from '../store/decisions.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as installations from '../store/installations.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { type RolloutCommand, readExpected } from './rollout-steps/read-expected.ts';

/**
 * What runs as a shadow becomes current where it is committed. Devices that come later get it as current from the start;
 * those on which it failed keep what they run.
 */
export async function promoteRollout({ store, clock }: World, command: RolloutCommand): Promise<void> {
  const { rolloutId, actor } = command;
  const atMs = clock.now();
  await store.write(async (tx) => {
    const rollout = await readExpected(tx, command);
    const standings = await rolloutTargets.standingsOf(tx, rollout);
    const deviceIds = standings.map(({ deviceId }) => deviceId);
    const refusal = await refusalOf(tx, rollout, deviceIds);
    if (refusal) throw new StillError('conflict', refusal);
    const promoted: string[] = [];
    for (const { device, installationId, desiredInstallationId, revoked, takenBy } of standings) {
      if (revoked || takenBy !== null || installationId === null || desiredInstallationId !== installationId) continue;
      const installation = await installations.find(tx, installationId);
      if (!installation) continue;
      await desiredStates.promote(tx, installation, atMs);
      promoted.push(device);
    }
    const explanation = `promoted by ${actor}: current on ${plural(promoted.length, 'device')}`;
    await rollouts.update(tx, rolloutId, atMs, { role: 'current', explanation }, { actor, what: 'promoted' });
    await decisions.append(tx, {
      ...{ rolloutId, atMs, actor, kind: 'promote', wave: null, explanation },
      evidence: { devices: promoted },
    });
    await audit.append(tx, {
      ...{ atMs, actor, action: 'promote-rollout', subject: rolloutId },
      details: { devices: promoted.length },
    });
  });
}

async function refusalOf(tx: Db, rollout: rollouts.Rollout, deviceIds: string[]): Promise<string | null> {
  const { rolloutId, model, role, state, explanation } = rollout;
  if (role !== 'shadow') return `rollout ${rolloutId} has no shadow to promote: ${explanation}`;
  if (state !== 'SUCCEEDED') return `only shadows that passed can be promoted: ${tellChange(rollout)}; ${explanation}`;
  const [other] = await rollouts.openOver(tx, { model, role: 'current' }, deviceIds);
  return other ? `${tellChange(other)}, and has devices of this one; let it end, or abort it` : null;
}
