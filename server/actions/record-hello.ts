// A device has connected and says where it stands. Whatever the two sides have forgotten of each other is put right here:
// the server learns the states that it missed, the device is told its newest desired state and the commands still open.
import { newId } from '../../shared/ids.ts';
import { deviceClassOf } from '../../shared/inventory.ts';
import type { Hello } from '../../shared/messages.ts';
import { pathBetween } from '../rules/installation-path.ts';
import * as commands from '../store/commands.ts';
import type { Db } from '../store/database.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import * as outgoing from '../store/outgoing.ts';
import type { World } from '../store/world.ts';

const CALLED_OFF = {
  to: 'SUPERSEDED',
  reason: { code: 'superseded', message: 'the device no longer has what it was installing' },
} as const;

export async function recordHello(
  { store, clock, randomness, log }: World,
  { deviceId, hello }: { deviceId: string; hello: Hello },
): Promise<void> {
  const nowMs = clock.now();
  // A hello that a power cut takes back is said again; but a new generation that was told to the device is a promise.
  await store.write(
    async (tx) => {
      const device = await devices.byId(tx, deviceId);
      if (!device || device.revoked) return false;
      await savePresence(tx, device);
      await learnStates(tx, device);
      await reinstallLost(tx, device);
      await outgoing.forgive(tx, deviceId);
      await tellDesired(tx);
      await tellCommands(tx);
      return (await desiredStates.load(tx, deviceId)).generation !== device.desiredGeneration;
    },
    { durable: (promised) => promised },
  );

  async function savePresence(tx: Db, device: devices.Device): Promise<void> {
    const { bootId, agentVersion, inventory, running, generation } = hello;
    const deviceClass = deviceClassOf(inventory);
    await devices.update(tx, deviceId, {
      ...{ bootId, agentVersion, inventory, running, deviceClass },
      online: true,
      lastSeenMs: nowMs,
      reportedGeneration: generation,
    });
    if (!device.online)
      await events.append(tx, {
        atMs: nowMs,
        kind: 'device',
        subject: device.name,
        details: { deviceId, online: true },
      });
  }

  /** Walks our copy of each installation to where the device says that it stands. */
  async function learnStates(tx: Db, device: devices.Device): Promise<void> {
    for (const told of hello.installations) {
      let known = await installations.find(tx, told.installationId);
      if (known?.deviceId !== deviceId || installations.hasEnded(known)) continue;
      const path = pathBetween(known.state, told.state);
      if (!path) {
        log('warn', 'a device stands where no way leads', {
          ...{ device: device.name, installationId: told.installationId, from: known.state, to: told.state },
        });
        continue;
      }
      for (const to of path)
        known = await installations.move(tx, known, {
          ...{ to, atMs: nowMs },
          ...(to === told.state && told.reason && { reason: told.reason }),
        });
      if (installations.hasEnded(known) && known.state !== 'COMMITTED')
        await desiredStates.withdraw(tx, known, CALLED_OFF, nowMs);
    }
    for (const installation of await desiredStates.installationsOf(tx, deviceId))
      if (installation.state === 'QUEUED' && hello.generation >= installation.generation)
        await installations.move(tx, installation, { to: 'NOTIFIED', atMs: nowMs });
  }

  /**
   * What was committed here and is here no more (a new disk under an old credential) is installed again, as a new
   * installation: the old one has ended, and an end is final.
   */
  async function reinstallLost(tx: Db, device: devices.Device): Promise<void> {
    const has = new Set([...hello.running, ...hello.installations].map(({ installationId }) => installationId));
    const isFresh = hello.generation < 0;
    if (!isFresh && hello.generation < device.desiredGeneration) return;
    for (const lost of await desiredStates.installationsOf(tx, deviceId)) {
      if (lost.state !== 'COMMITTED' || has.has(lost.installationId)) continue;
      const installationId = newId('ins', nowMs, randomness.bytes);
      const { generation } = await desiredStates.load(tx, deviceId);
      await installations.insert(tx, {
        ...lost,
        installationId,
        rolloutId: null,
        generation: generation + 1,
        beforeInstallationId: null,
        createdAtMs: nowMs,
      });
      const installation = await installations.find(tx, installationId);
      const { model, role } = lost;
      await desiredStates.place(tx, { deviceId, model, role, installation, calledOff: CALLED_OFF }, nowMs);
      log('warn', 'a device lost what it ran, it installs it again', { device: device.name, model, installationId });
    }
  }

  async function tellDesired(tx: Db): Promise<void> {
    let desired = await desiredStates.load(tx, deviceId);
    if (hello.generation > desired.generation) {
      // Our database is older than what the device has heard (restored from a copy): overtake it.
      desired = { ...desired, generation: hello.generation + 1 };
      await desiredStates.save(tx, deviceId, desired, nowMs);
      return;
    }
    const open = (await desiredStates.installationsOf(tx, deviceId)).some((one) => !installations.hasEnded(one));
    if (open || desired.generation !== hello.generation) await desiredStates.owe(tx, deviceId, desired, nowMs);
  }

  async function tellCommands(tx: Db): Promise<void> {
    const open = await jobs.openOf(tx, deviceId);
    for (const job of open) if (job.deadlineMs > nowMs) await commands.owe(tx, job, nowMs);
    const wanted = new Set(open.map(({ jobId }) => jobId));
    for (const { jobId } of hello.jobs)
      if (!wanted.has(jobId)) await commands.oweCancel(tx, { jobId, deviceId }, { nowMs, randomness });
  }
}
