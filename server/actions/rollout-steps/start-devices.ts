import { newId } from '../../../shared/ids.ts';
import { probeFor } from '../../rules/plan/plan-rollout.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import type { World } from '../../store/world.ts';
import type { Situation } from './situation.ts';

/** Each device gets its installation and its next generation: its first, or another after one that failed. */
export async function startDevices(
  { randomness }: World,
  tx: Db,
  { rollout, facts: { nowMs }, standings, gates }: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const { rolloutId, model, version, versionDigest, role } = rollout;
  const chosen = new Set(deviceIds);
  for (const standing of standings) {
    const { deviceId, device, waveIndex, variant, running, attempts } = standing;
    if (!chosen.has(deviceId)) continue;
    const { generation } = await desiredStates.load(tx, deviceId);
    const runs = running().find((one) => one.model === model && one.role === role);
    const installationId = newId('ins', nowMs, randomness.bytes);
    await installations.insert(tx, {
      ...{ installationId, deviceId, rolloutId, model, version, versionDigest, variant },
      role,
      probe: probeFor(gates),
      generation: generation + 1,
      beforeInstallationId: standing.before?.installationId ?? (await committedId(tx, deviceId, runs?.installationId)),
      createdAtMs: nowMs,
    });
    await rolloutTargets.setInstallation(tx, { rolloutId, deviceId, installationId });
    const installation = await installations.find(tx, installationId);
    await desiredStates.place(tx, { deviceId, model, role, installation, calledOff: REPLACED }, nowMs);
    if (attempts === 0) continue;
    await decisions.append(tx, {
      ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'retry', wave: waveIndex },
      explanation: `${device} tries again: attempt ${attempts + 1} of ${rollout.retries + 1} after ${standing.installation?.state}`,
      evidence: { device, failed: standing.installationId, installation: installationId },
    });
  }
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
