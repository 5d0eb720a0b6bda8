import { newId } from '../../../shared/ids.ts';
import { probeFor } from '../../rules/plan/plan-rollout.ts';
import type { Db } from '../../store/database.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import type { World } from '../../store/world.ts';
import { membersOf, type Situation } from './situation.ts';

/** Every device of the wave gets its installation and its next generation. */
export async function startWave({ randomness }: World, tx: Db, situation: Situation, wave: number): Promise<void> {
  const { rollout, facts, standings, gates } = situation;
  const { rolloutId, model, version, versionDigest, waveDeadlineMs } = rollout;
  const { nowMs } = facts;
  for (const { deviceId, variant, running } of membersOf(standings, wave)) {
    const { generation } = await desiredStates.load(tx, deviceId);
    const runs = running.find((one) => one.model === model && one.role === 'current');
    const installationId = newId('ins', nowMs, randomness.bytes);
    await installations.insert(tx, {
      ...{ installationId, deviceId, rolloutId, model, version, versionDigest, variant },
      role: 'current',
      probe: probeFor(gates),
      generation: generation + 1,
      beforeInstallationId: await committedId(tx, deviceId, runs?.installationId),
      createdAtMs: nowMs,
    });
    await rolloutTargets.setInstallation(tx, rolloutId, deviceId, installationId);
    const installation = await installations.find(tx, installationId);
    await desiredStates.place(tx, { deviceId, model, role: 'current', installation, calledOff: REPLACED }, nowMs);
  }
  await rolloutWaves.update(tx, rolloutId, wave, nowMs, {
    state: 'RUNNING',
    startedAtMs: nowMs,
    deadlineMs: nowMs + waveDeadlineMs,
  });
}

const REPLACED = {
  to: 'SUPERSEDED',
  reason: { code: 'superseded', message: 'another rollout came before the device heard of it' },
} as const;

/** What a device says that it runs is a way back only if it was committed there. */
async function committedId(tx: Db, deviceId: string, installationId: string | undefined): Promise<string | null> {
  const known = installationId === undefined ? null : await installations.find(tx, installationId);
  return known?.deviceId === deviceId && known.state === 'COMMITTED' ? known.installationId : null;
}
