// A picture that was asked of a selector goes on to another device. Each device has it once at most: what one that had it
// before still says of it is not heard, and could not be told from what it says of a second time.
import type { Randomness } from '../../../shared/clock.ts';
import { StillError } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import type { PictureRequest } from '../../../shared/messages.ts';
import * as commands from '../../store/commands.ts';
import type { Db } from '../../store/database.ts';
import type * as devices from '../../store/devices.ts';
import * as jobs from '../../store/jobs.ts';
import { chooseDevice, type Fleet } from './choose-device.ts';
import { fitRequest } from './fit-request.ts';
import { requireTime } from './require-time.ts';
import { wouldRun } from './would-run.ts';

export interface NextDevice {
  readonly device: devices.Device;
  readonly request: PictureRequest;
}

/** The device that makes it next, with the settings that fit there; null where none would. */
export async function nextDevice(
  db: Db,
  fleet: Fleet,
  { job, atMs }: { readonly job: jobs.Job; readonly atMs: number },
): Promise<NextDevice | null> {
  const { order } = job;
  if (!order || job.deadlineMs <= atMs) return null;
  const had = new Set([job.deviceId, ...job.handOvers.map(({ deviceId }) => deviceId)]);
  let left = fleet.devices.filter(({ deviceId }) => !had.has(deviceId));
  while (left.length > 0) {
    const asked = { text: order.selector, request: order.request, atMs };
    const device = await unlessRefused(() => chooseDevice(db, { ...fleet, devices: left }, asked));
    if (!device || (fleet.open.get(device.deviceId) ?? 0) >= limits.jobsPerDevice) return null;
    const request = await unlessRefused(() => settingsOn(db, device, { order, timeoutMs: job.deadlineMs - atMs }));
    if (request) return { device, request };
    left = left.filter(({ deviceId }) => deviceId !== device.deviceId);
  }
  return null;
}

/** @param because why the device that had it has it no more */
export async function handOver(
  tx: Db,
  { device, request }: NextDevice,
  about: {
    readonly job: jobs.Job;
    readonly from: string;
    readonly because: string;
    readonly atMs: number;
    readonly randomness: Randomness;
  },
): Promise<void> {
  const { job, from, because, atMs, randomness } = about;
  const moved = await jobs.handOver(tx, job, { to: device, from, request, because, atMs });
  await commands.oweCancel(tx, job, { nowMs: atMs, randomness });
  await commands.owe(tx, moved, atMs);
}

async function settingsOn(
  db: Db,
  device: devices.Device,
  { order, timeoutMs }: { readonly order: jobs.SelectorOrder; readonly timeoutMs: number },
): Promise<PictureRequest> {
  const { fit, request: asked } = order;
  const request = fit ? await fitRequest(db, device, { asked, target: fit }) : asked;
  const runs = wouldRun(device.running, request);
  if (runs) await requireTime(db, { device, runs, request, timeoutMs });
  return request;
}

async function unlessRefused<T>(choose: () => Promise<T>): Promise<T | null> {
  try {
    return await choose();
  } catch (error) {
    if (error instanceof StillError) return null;
    throw error;
  }
}
