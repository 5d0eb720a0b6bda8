import { StillError } from '../../../shared/errors.ts';
import type { PictureRequest } from '../../../shared/messages.ts';
import { matches, parseTarget } from '../../../shared/targets.ts';
import { pickDevice } from '../../rules/pick-device.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import * as devices from '../../store/devices.ts';
import * as groups from '../../store/groups.ts';
import * as jobs from '../../store/jobs.ts';
import { latencyKey } from '../../store/latency-key.ts';
import { runsNothing } from './runs-nothing.ts';
import { wouldRun } from './would-run.ts';

/** What a choice among devices is made by; read once where several are made. */
export interface Fleet {
  readonly devices: readonly devices.Device[];
  /** Device → how many jobs it has before it. */
  readonly open: Map<string, number>;
  readonly latencies: ReadonlyMap<string, number>;
}

export async function readFleet(tx: Db): Promise<Fleet> {
  return {
    devices: await devices.list(tx),
    open: await jobs.openCounts(tx),
    latencies: await benchRuns.newestLatencies(tx),
  };
}

/** The name, where the text names one device alone: no other one will do then. @throws StillError `invalid_input` */
export async function readTarget(tx: Db, text: string) {
  const parsed = parseTarget(text);
  if (parsed.kind === 'unreadable')
    throw new StillError('invalid_input', parsed.message, { problems: [{ field: 'device', message: parsed.message }] });
  if (parsed.target.percent !== null) throw new StillError('invalid_input', `"${text}": a share is for rollouts`);
  const selector = await groups.selectorOf(tx, parsed.target.of);
  const name = selector.kind === 'names' && selector.names.length === 1 ? (selector.names[0] as string) : null;
  return { selector, name };
}

/**
 * The device within reach that is ready first.
 *
 * @throws StillError that says why there is none
 */
export async function chooseDevice(
  tx: Db,
  fleet: Fleet,
  { text, request, atMs }: { readonly text: string; readonly request: PictureRequest; readonly atMs: number },
): Promise<devices.Device> {
  const { selector } = await readTarget(tx, text);
  const matching = fleet.devices.filter((device) => matches(selector, device));
  if (matching.length === 0)
    throw new StillError('unprocessable', `no device matches "${text}"; "still devices" lists names and labels`);
  const able = matching.filter(({ running }) => wouldRun(running, request));
  if (able.length === 0) throw await runsNothing(tx, request, { who: `none of the devices of "${text}"`, runs: [] });
  const left = able.filter(({ running }) => (wouldRun(running, request)?.quarantine?.untilMs ?? 0) <= atMs);
  if (left.length === 0)
    throw new StillError(
      'unprocessable',
      `it is left alone on every device of "${text}" that runs it, for its engine failed again and again; "still devices show NAME" says how, and how long`,
    );
  const candidates = left.map((device) => {
    const runs = wouldRun(device.running, request);
    const key = runs ? latencyKey(device.deviceId, runs.versionDigest, runs.variant) : '';
    return { ...device, open: fleet.open.get(device.deviceId) ?? 0, latencyMs: fleet.latencies.get(key) ?? null };
  });
  const picked = pickDevice(candidates);
  if (!picked) throw new StillError('unprocessable', `none of the devices of "${text}" is online now`);
  return picked;
}
