import { newId } from '../../../shared/ids.ts';
import type { Db } from '../../store/database.ts';
import * as desiredStates from '../../store/desired-states.ts';
import * as installations from '../../store/installations.ts';
import type { World } from '../../store/world.ts';
import type { Situation } from './situation.ts';

const REPLACED = {
  to: 'SUPERSEDED',
  reason: { code: 'superseded', message: 'the device installs anew what it ran before' },
} as const;

/** The desired state names again what ran before; under its old id, so that a device which still has it just runs it. */
export async function withdraw(
  tx: Db,
  { rollout, standings, facts }: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const reason = { code: 'canceled', message: rollout.endingBecause ?? 'the rollout ended' } as const;
  for (const { installationId } of standings.filter(({ deviceId }) => deviceIds.includes(deviceId))) {
    const installation = await installations.find(tx, installationId ?? '');
    if (installation) await desiredStates.withdraw(tx, installation, { to: 'CANCELED', reason }, facts.nowMs);
  }
}

/** The device no longer has what it ran before at hand: it installs it anew. */
export async function reinstall(
  { randomness, log }: World,
  tx: Db,
  { rollout, standings, facts: { nowMs } }: Situation,
  deviceIds: readonly string[],
): Promise<void> {
  const { model, role } = rollout;
  for (const { deviceId, device, before } of standings.filter((one) => deviceIds.includes(one.deviceId))) {
    const ended = before && (await installations.find(tx, before.installationId));
    if (!ended) continue;
    const installationId = newId('ins', nowMs, randomness.bytes);
    const { generation } = await desiredStates.load(tx, deviceId);
    await installations.insert(tx, {
      ...ended,
      ...{ installationId, rolloutId: null, beforeInstallationId: null },
      generation: generation + 1,
      createdAtMs: nowMs,
    });
    const installation = await installations.find(tx, installationId);
    await desiredStates.place(tx, { deviceId, model, role, installation, calledOff: REPLACED }, nowMs);
    log('warn', 'a device does not come back by itself, it installs anew', { device, installationId });
  }
}
