import * as commands from '../store/commands.ts';
import * as devices from '../store/devices.ts';
import * as jobs from '../store/jobs.ts';
import type { World } from '../store/world.ts';

/** The device's own word on an expired job is worth waiting for this long. */
const GRACE_MS = 2000;

/** @returns when the next one is due, UTC milliseconds; null when none is open */
export async function expireJobs({ store, clock, randomness }: World): Promise<number | null> {
  const atMs = clock.now();
  const next = await jobs.nextDeadline(store.db);
  if (next === null || next >= atMs - GRACE_MS) return next === null ? null : next + GRACE_MS + 1;
  await store.write(async (tx) => {
    for (const job of await jobs.overdue(tx, atMs - GRACE_MS)) {
      const { state, deadlineMs, requestedAtMs } = job;
      const seconds = ((deadlineMs - requestedAtMs) / 1000).toFixed(0);
      const device = await devices.presence(tx, job.deviceId);
      const away = device?.online === false ? `, and ${device.name} is not connected` : '';
      const message = `nothing came within ${seconds} s; it was ${state} when the time was up${away}`;
      await jobs.move(tx, job, { to: 'TIMED_OUT', atMs, reason: { code: 'expired', message } });
      await commands.oweCancel(tx, job, { nowMs: atMs, randomness });
    }
  });
  // Its own commit makes the tick look again.
  return null;
}
