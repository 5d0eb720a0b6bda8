// After the faults stop, everything comes to rest: each device runs what its desired state names, and nothing is owed.
import { type InstallationState, installationTable } from '../../../shared/installation.ts';
import { isFinal } from '../../../shared/machine.ts';
import type { SimDevice } from '../device.ts';
import { prepared } from '../prepared.ts';
import type { SimServer } from '../server.ts';

/** @returns what has not come to rest yet; null when everything has */
export function restless(server: SimServer, devices: readonly SimDevice[]): string | null {
  if (!server.isUp) return 'the server is down';
  return ofServer(server) ?? devices.map((device) => ofDevice(server, device)).find((why) => why !== null) ?? null;
}

function ofServer({ database: { sqlite } }: SimServer): string | null {
  const first = (sql: string) => prepared(sqlite, sql).pluck().get() as string | undefined;
  const rollout = first(`SELECT rollout_id || ' is ' || state FROM rollouts WHERE ended_ms IS NULL`);
  if (rollout) return `rollout ${rollout}`;
  const job = first(`SELECT job_id || ' is ' || state FROM jobs WHERE ended_ms IS NULL`);
  if (job) return `job ${job}`;
  return null;
}

function ofDevice({ database: { sqlite } }: SimServer, device: SimDevice): string | null {
  const { name, deviceId } = device;
  const row = prepared(sqlite, 'SELECT online, revoked_ms FROM devices WHERE device_id = ?').get(deviceId);
  const { online, revoked_ms } = row as { online: number; revoked_ms: number | null };
  if (revoked_ms !== null || device.isGone) return null;
  if (!device.isAlive || !device.store) return `${name} does not run`;
  if (online !== 1) return `${name} is not online`;
  const open = prepared(
    sqlite,
    'SELECT installation_id FROM installations WHERE device_id = ? AND deadline_ms IS NOT NULL',
  ).pluck();
  const installation = open.get(deviceId);
  if (installation) return `${name}: the server has ${installation} open`;
  const local = prepared(device.database.sqlite, 'SELECT installation_id, state FROM installations').all();
  for (const { installation_id, state } of local as { installation_id: string; state: InstallationState }[])
    if (!isFinal(installationTable, state)) return `${name}: ${installation_id} is ${state}`;
  const owed = prepared(sqlite, 'SELECT kind FROM outgoing WHERE device_id = ?').pluck().get(deviceId);
  if (owed) return `${name}: a ${owed} is owed to it`;
  if (prepared(device.database.sqlite, 'SELECT count(*) FROM outgoing').pluck().get() !== 0)
    return `${name} has reports that nobody acknowledged`;
  const wanted = prepared(sqlite, 'SELECT installation_id FROM desired_models WHERE device_id = ? ORDER BY 1')
    .pluck()
    .all(deviceId);
  const runs = prepared(device.database.sqlite, `SELECT installation_id FROM places WHERE place = 'running' ORDER BY 1`)
    .pluck()
    .all();
  return String(wanted) === String(runs)
    ? null
    : `${name} should run ${wanted || 'nothing'}, and runs ${runs || 'nothing'}`;
}
