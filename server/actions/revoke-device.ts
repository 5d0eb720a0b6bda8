import * as audit from '../store/audit.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import * as outgoing from '../store/outgoing.ts';
import type { World } from '../store/world.ts';
import { readFleet } from './job-steps/choose-device.ts';
import { handOver, nextDevice } from './job-steps/hand-over.ts';

/**
 * Its credential holds no more from the commit on; what was under way on it ends, or goes on to another device. Ending its connection is left to
 * whoever holds connections.
 *
 * @returns the device's id
 */
export async function revokeDevice(
  { store, clock, randomness }: World,
  { name, actor }: { name: string; actor: string },
): Promise<string> {
  const atMs = clock.now();
  return store.write(async (tx) => {
    const device = await devices.get(tx, name);
    if (device.revoked) return device.deviceId;
    const { deviceId } = device;
    const message = `the device ${name} was revoked`;
    for (const installation of await installations.openOf(tx, deviceId))
      await installations.move(tx, installation, { to: 'CANCELED', atMs, reason: { code: 'canceled', message } });
    const fleet = await readFleet(tx);
    for (const job of await jobs.openOf(tx, deviceId)) {
      const to = await nextDevice(tx, fleet, { job, atMs });
      if (to) await handOver(tx, to, { job, from: name, because: `${name} was revoked`, atMs, randomness });
      else await jobs.move(tx, job, { to: 'FAILED', atMs, reason: { code: 'device_revoked', message } });
    }
    await desiredStates.clear(tx, deviceId);
    await outgoing.forgive(tx, deviceId);
    await devices.update(tx, deviceId, { revokedAtMs: atMs, online: false, running: [] });
    await audit.append(tx, { atMs, actor, action: 'revoke-device', subject: name, details: { deviceId } });
    await events.append(tx, {
      atMs,
      kind: 'device',
      subject: name,
      details: { deviceId, revoked: true, online: false },
    });
    return deviceId;
  });
}
