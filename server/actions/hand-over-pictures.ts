import { timings } from '../../shared/limits.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as jobs from '../store/jobs.ts';
import type { World } from '../store/world.ts';
import { readFleet } from './job-steps/choose-device.ts';
import { handOver, nextDevice } from './job-steps/hand-over.ts';

/**
 * A picture that was asked of a selector, and waits for a device that is away, goes on to another one. Where a device was
 * named it is waited for, until the deadline.
 *
 * @param startedAtMs of the server, UTC: it has heard of nobody yet then, and devices need a moment to come back to it
 * @returns when the next one is due, UTC milliseconds; null when none is
 */
export async function handOverPictures(
  { store, clock, randomness }: World,
  startedAtMs: number,
): Promise<number | null> {
  const atMs = clock.now();
  const dueMs = (lastSeenMs: number) => Math.max(lastSeenMs, startedAtMs) + timings.handOverMs;
  const waiting = await jobs.onAwayDevices(store.db);
  const next = Math.min(...waiting.map(({ lastSeenMs }) => dueMs(lastSeenMs)).filter((due) => due > atMs));
  // A write wakes the tick again, so that nothing is written where nobody takes anything over.
  if ((await planned(store.db)).length > 0)
    await store.write(async (tx) => {
      for (const { job, to } of await planned(tx)) {
        const from = (await devices.presence(tx, job.deviceId))?.name ?? job.deviceId;
        await handOver(tx, to, { job, from, because: `${from} is not connected any more`, atMs, randomness });
      }
    });
  return Number.isFinite(next) ? next : null;

  async function planned(db: Db) {
    const due = (await jobs.onAwayDevices(db)).filter(({ lastSeenMs }) => dueMs(lastSeenMs) <= atMs);
    if (due.length === 0) return [];
    const fleet = await readFleet(db);
    const plans = [];
    for (const { job } of due) {
      const to = await nextDevice(db, fleet, { job, atMs });
      if (!to) continue;
      plans.push({ job, to });
      fleet.open.set(to.device.deviceId, (fleet.open.get(to.device.deviceId) ?? 0) + 1);
    }
    return plans;
  }
}
