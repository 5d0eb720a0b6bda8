import { type InstallationReason, installationTable } from '../../shared/installation.ts';
import { duration } from '../../shared/units.ts';
import type { Db } from '../store/database.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as devices from '../store/devices.ts';
import * as installations from '../store/installations.ts';
import type { World } from '../store/world.ts';

/** The device judges its own deadlines; this long after them the server does. */
const DEVICE_GRACE_MS = 5 * 60_000;

/**
 * No installation stays open for ever: past its deadline, or past being superseded, the server ends it.
 *
 * @returns when the next one is due, UTC milliseconds; null when none is open
 */
export async function expireInstallations({ store, clock }: World): Promise<number | null> {
  const atMs = clock.now();
  const bounds = { deadlineBeforeMs: atMs - DEVICE_GRACE_MS, supersededBeforeMs: atMs - DEVICE_GRACE_MS };
  const next = await installations.nextDue(store.db);
  if (next === null || next >= bounds.deadlineBeforeMs) return next === null ? null : next + DEVICE_GRACE_MS + 1;
  await store.write(async (tx) => {
    for (const installation of await installations.overdue(tx, bounds)) {
      const { state, supersededAtMs } = installation;
      const late: InstallationReason = {
        code: 'deadline_passed',
        message: `${state} lasted longer than ${duration(installationTable[state].deadlineMs ?? 0)}`,
      };
      const replaced: InstallationReason = { code: 'superseded', message: 'the device was told to run something else' };
      if (supersededAtMs !== null) {
        await installations.move(tx, installation, { to: 'SUPERSEDED', atMs, reason: replaced });
        continue;
      }
      // A device that never heard of it says nothing of the version: that is no failure.
      const to = (await wasHeard(tx, installation)) ? (installationTable[state].onDeadline ?? 'TIMED_OUT') : 'CANCELED';
      const ended = await installations.move(tx, installation, { to, atMs, reason: late });
      await desiredStates.withdraw(tx, ended, { to: 'CANCELED', reason: late }, atMs);
    }
  });
  // Its own commit makes the tick look again.
  return null;
}

async function wasHeard(tx: Db, { state, deviceId, generation }: installations.Installation): Promise<boolean> {
  if (state !== 'QUEUED' && state !== 'NOTIFIED') return true;
  const device = await devices.byId(tx, deviceId);
  return device !== null && device.reportedGeneration >= generation;
}
