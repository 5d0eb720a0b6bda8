import { StillError } from '../../shared/errors.ts';
import type { FitTarget } from '../../shared/fit.ts';
import { newId } from '../../shared/ids.ts';
import { limits, timings } from '../../shared/limits.ts';
import type { PictureRequest } from '../../shared/messages.ts';
import * as audit from '../store/audit.ts';
import * as commands from '../store/commands.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as jobs from '../store/jobs.ts';
import type { World } from '../store/world.ts';
import { chooseDevice, readFleet, readTarget } from './job-steps/choose-device.ts';
import { fitRequest } from './job-steps/fit-request.ts';
import { requireTime } from './job-steps/require-time.ts';
import { runsNothing } from './job-steps/runs-nothing.ts';
import { wouldRun } from './job-steps/would-run.ts';

export interface PictureOrder {
  /** A device's name, or a selector. */
  readonly device: string;
  readonly request: Omit<PictureRequest, 'seed' | 'fit'> & { readonly seed?: number };
  /** Chooses size and steps; what the request fixes of them stays. */
  readonly fit?: FitTarget | undefined;
  readonly timeoutMs?: number;
  readonly actor: string;
}

/**
 * A device that is named and away is waited for until the deadline; by a selector only devices within reach are chosen, and
 * `handOverPictures` chooses anew where one is lost.
 *
 * @returns the picture's id
 */
export async function requestPicture({ store, clock, randomness }: World, order: PictureOrder): Promise<string> {
  const atMs = clock.now();
  const { timeoutMs = timings.pictureDeadlineMs, actor } = order;
  const seed = order.request.seed ?? Math.floor(randomness.uniform() * 2 ** 32);
  const asked = { ...order.request, seed } as PictureRequest;
  return store.write(async (tx) => {
    const { name } = await readTarget(tx, order.device);
    const device =
      name === null
        ? await chooseDevice(tx, await readFleet(tx), { text: order.device, request: asked, atMs })
        : await named(tx, name, asked);
    const request = order.fit ? await fitRequest(tx, device, { asked, target: order.fit }) : asked;
    const runs = wouldRun(device.running, request);
    if (runs) await requireTime(tx, { device, runs, request, timeoutMs });
    if ((await jobs.openOf(tx, device.deviceId)).length >= limits.jobsPerDevice)
      throw new StillError('too_many', `${device.name} has ${limits.jobsPerDevice} jobs before this one already`);
    const jobId = newId('pic', atMs, randomness.bytes);
    const { deviceId } = device;
    const job = {
      ...{ jobId, deviceId, requestedAtMs: atMs, requestedBy: actor, deadlineMs: atMs + timeoutMs },
      kind: 'picture',
      request,
      order: name === null ? { selector: order.device, request: asked, fit: order.fit ?? null } : null,
    } as const;
    await jobs.insert(tx, job);
    await commands.owe(tx, job, atMs);
    const details = { device: device.name, prompt: request.prompt, seed };
    await audit.append(tx, { atMs, actor, action: 'request-picture', subject: jobId, details });
    return jobId;
  });
}

async function named(tx: Db, name: string, request: PictureRequest): Promise<devices.Device> {
  const device = await devices.inService(tx, name);
  if (!wouldRun(device.running, request)) throw await runsNothing(tx, request, { who: name, runs: device.running });
  return device;
}
