import { StillError } from '../../shared/errors.ts';
import type { FitTarget } from '../../shared/fit.ts';
import { newId } from '../../shared/ids.ts';
import { limits, timings } from '../../shared/limits.ts';
import type { PictureRequest, RunningModel } from '../../shared/messages.ts';
import { matches, parseTarget } from '../../shared/targets.ts';
import { pickDevice } from '../rules/pick-device.ts';
import * as audit from '../store/audit.ts';
import * as benchRuns from '../store/bench-runs.ts';
import * as commands from '../store/commands.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as groups from '../store/groups.ts';
import * as jobs from '../store/jobs.ts';
import { latencyKey } from '../store/latency-key.ts';
import type { World } from '../store/world.ts';
import { fitSettings } from './job-steps/fit-settings.ts';
import { requireTime } from './job-steps/require-time.ts';
import { runsNothing } from './job-steps/runs-nothing.ts';

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
 * A device that is named and away is waited for until the deadline; by a selector only devices within reach are chosen.
 *
 * @returns the picture's id
 */
export async function requestPicture({ store, clock, randomness }: World, order: PictureOrder): Promise<string> {
  const atMs = clock.now();
  const { timeoutMs = timings.pictureDeadlineMs, actor } = order;
  const seed = order.request.seed ?? Math.floor(randomness.uniform() * 2 ** 32);
  const asked = { ...order.request, seed } as PictureRequest;
  return store.write(async (tx) => {
    const device = await chooseDevice(tx, order.device, { request: asked, atMs });
    const request = order.fit ? await fitted(tx, device, { asked, target: order.fit }) : asked;
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
    } as const;
    await jobs.insert(tx, job);
    await commands.owe(tx, job, atMs);
    const details = { device: device.name, prompt: request.prompt, seed };
    await audit.append(tx, { atMs, actor, action: 'request-picture', subject: jobId, details });
    return jobId;
  });
}

async function chooseDevice(
  tx: Db,
  text: string,
  { request, atMs }: { readonly request: PictureRequest; readonly atMs: number },
): Promise<devices.Device> {
  const parsed = parseTarget(text);
  if (parsed.kind === 'unreadable')
    throw new StillError('invalid_input', parsed.message, { problems: [{ field: 'device', message: parsed.message }] });
  if (parsed.target.percent !== null) throw new StillError('invalid_input', `"${text}": a share is for rollouts`);
  const selector = await groups.selectorOf(tx, parsed.target.of);
  if (selector.kind === 'names' && selector.names.length === 1) return named(tx, selector.names[0] as string, request);
  const matching = (await devices.list(tx)).filter((device) => matches(selector, device));
  if (matching.length === 0) throw new StillError('unprocessable', `no device matches "${text}"`);
  const able = matching.filter(({ running }) => wouldRun(running, request));
  if (able.length === 0) throw await runsNothing(tx, request, { who: `none of the devices of "${text}"`, runs: [] });
  const left = able.filter(({ running }) => (wouldRun(running, request)?.quarantine?.untilMs ?? 0) <= atMs);
  if (left.length === 0)
    throw new StillError(
      'unprocessable',
      `it is left alone on every device of "${text}" that runs it, for its engine ended by itself again and again; "still devices" says how long`,
    );
  const open = await jobs.openCounts(tx);
  const latencies = await benchRuns.newestLatencies(tx);
  const candidates = left.map((device) => {
    const runs = wouldRun(device.running, request);
    const key = runs ? latencyKey(device.deviceId, runs.versionDigest, runs.variant) : '';
    return { ...device, open: open.get(device.deviceId) ?? 0, latencyMs: latencies.get(key) ?? null };
  });
  const picked = pickDevice(candidates);
  if (!picked) throw new StillError('unprocessable', `none of the devices of "${text}" is online now`);
  return picked;
}

async function named(tx: Db, name: string, request: PictureRequest): Promise<devices.Device> {
  const device = await devices.byName(tx, name);
  if (!device) throw new StillError('not_found', `no device "${name}"; see "still devices"`);
  if (device.revoked) throw new StillError('gone', `the device ${name} was revoked`);
  if (!wouldRun(device.running, request)) throw await runsNothing(tx, request, { who: name, runs: device.running });
  return device;
}

/** The version is named from here on: another one would need other settings. */
async function fitted(
  tx: Db,
  device: devices.Device,
  { asked, target }: { asked: PictureRequest; target: FitTarget },
): Promise<PictureRequest> {
  const runs = wouldRun(device.running, asked);
  if (!runs) throw await runsNothing(tx, asked, { who: device.name, runs: device.running });
  const { model, version, variant, versionDigest } = runs;
  const { steps, width, height } = asked;
  const { settings, fit } = await fitSettings(tx, {
    device,
    versionDigest,
    variant,
    target,
    fixed: { steps, width, height },
  });
  return { ...asked, ...settings, model, version, variant, fit };
}

/** The same choice as the agent's: the version that is named, else the first current one. */
function wouldRun(running: readonly RunningModel[], { model, version, variant }: PictureRequest): RunningModel | null {
  const fitting = running.filter(
    (one) =>
      (model === undefined || one.model === model) &&
      (version === undefined || one.version === version) &&
      (variant === undefined || one.variant === variant),
  );
  const current = fitting.find(({ role }) => role === 'current');
  return current ?? (version === undefined ? null : (fitting[0] ?? null));
}
