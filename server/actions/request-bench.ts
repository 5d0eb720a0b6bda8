import { BENCH_MODES, type BenchMode } from '../../shared/bench.ts';
import { StillError } from '../../shared/errors.ts';
import type { BenchSettings, Fit, FitTarget } from '../../shared/fit.ts';
import { newId } from '../../shared/ids.ts';
import { limits, timings } from '../../shared/limits.ts';
import type { RunningModel } from '../../shared/messages.ts';
import * as audit from '../store/audit.ts';
import * as commands from '../store/commands.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';
import { fitSettings } from './job-steps/fit-settings.ts';
import { requireTime } from './job-steps/require-time.ts';

/** For a device that is away it waits until the deadline. @returns the bench run's id */
export async function requestBench(
  { store, clock, randomness }: World,
  request: {
    readonly device: string;
    readonly model: string;
    readonly version: string;
    readonly mode: BenchMode;
    readonly against?: { readonly model: string; readonly version: string } | undefined;
    readonly settings?: BenchSettings | undefined;
    readonly fit?: FitTarget | undefined;
    readonly timeoutMs?: number | undefined;
    readonly actor: string;
  },
): Promise<string> {
  const atMs = clock.now();
  const { model, version, mode, timeoutMs = timings.benchDeadlineMs, actor } = request;
  return store.write(async (tx) => {
    const device = await devices.inService(tx, request.device);
    const { deviceId, name } = device;
    const versionDigest = await digestOnDevice(tx, device, { model, version });
    const { against } = request;
    const runs = device.running.find((one) => one.versionDigest === versionDigest);
    const chosen = await settingsOf(tx, device, { ...request, runs });
    if (runs && chosen.settings)
      await requireTime(tx, { device, runs, request: chosen.settings, pictures: fewestPictures(mode), timeoutMs });
    const other = against && { ...against, versionDigest: await digestOnDevice(tx, device, against) };
    if ((await jobs.openOf(tx, deviceId)).length >= limits.jobsPerDevice)
      throw new StillError('too_many', `${name} has ${limits.jobsPerDevice} jobs before this one already`);
    const jobId = newId('brn', atMs, randomness.bytes);
    const job = {
      ...{ jobId, deviceId, requestedAtMs: atMs, requestedBy: actor, deadlineMs: atMs + timeoutMs },
      kind: 'bench',
      request: { mode, model, version, versionDigest, ...(other && { against: other }), ...chosen },
    } as const;
    await jobs.insert(tx, job);
    await commands.owe(tx, job, atMs);
    await audit.append(tx, {
      atMs,
      actor,
      action: 'request-bench',
      subject: jobId,
      details: {
        device: name,
        model,
        version,
        mode,
        ...(against && { against: `${against.model}@${against.version}` }),
      },
    });
    return jobId;
  });
}

/** That a bench makes at least: one from cold, those to warm up, and those that it times. */
function fewestPictures(mode: BenchMode): number {
  const { warmUp, minQueries } = BENCH_MODES[mode];
  return 1 + warmUp + minQueries;
}

/** @returns nothing where the variant's own settings are meant */
async function settingsOf(
  tx: Db,
  device: devices.Device,
  request: {
    readonly runs: RunningModel | undefined;
    readonly against?: unknown;
    readonly settings?: BenchSettings | undefined;
    readonly fit?: FitTarget | undefined;
  },
): Promise<{ settings?: BenchSettings; fit?: Fit }> {
  const { against, settings = {}, fit: target, runs } = request;
  const own = Object.values(settings).some((value) => value !== undefined);
  if (against && (own || target))
    throw new StillError(
      'invalid_input',
      'a comparison runs both versions as they usually run; leave settings and fit out',
    );
  if (!target) return own ? { settings } : {};
  if (!runs)
    throw new StillError('unprocessable', `${device.name} does not run that version now; fit needs one that runs`);
  const { versionDigest, variant } = runs;
  return fitSettings(tx, { device, versionDigest, variant, target, fixed: settings });
}

/** @throws StillError unless the version is published and stands on the device */
async function digestOnDevice(
  tx: Db,
  { deviceId, name, running }: devices.Device,
  { model, version }: { readonly model: string; readonly version: string },
): Promise<string> {
  const { versionDigest } = await versions.get(tx, { model, version });
  const runs = running.some((one) => one.versionDigest === versionDigest);
  if (!runs && !(await installations.committedOf(tx, deviceId, versionDigest)))
    throw new StillError('unprocessable', `${name} does not have ${model}@${version}; roll it out there first`);
  return versionDigest;
}
