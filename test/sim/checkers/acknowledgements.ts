// When a device deletes its reports because the server said that it has them, the server must have them: each, and once.
import type { InstallationState } from '../../../shared/installation.ts';
import { installationTable } from '../../../shared/installation.ts';
import { type JobState, jobTable } from '../../../shared/job.ts';
import { isFinal } from '../../../shared/machine.ts';
import type { ReportBody } from '../../../shared/messages.ts';
import type { SimDevice } from '../device.ts';
import { prepared } from '../prepared.ts';
import type { SimServer } from '../server.ts';
import { Violation } from '../violation.ts';

export function checkAcknowledged(server: SimServer, device: SimDevice, upTo: number): void {
  const { sqlite } = server.database;
  const isRevoked = prepared(sqlite, 'SELECT 1 FROM devices WHERE device_id = ? AND revoked_ms IS NOT NULL').get(
    device.deviceId,
  );
  if (isRevoked) return;
  const rows = prepared(device.database.sqlite, 'SELECT seq, body FROM outgoing WHERE seq <= ?').all(upTo);
  for (const { seq, body } of rows as { seq: number; body: string }[]) {
    const fault = faultOf(server, device, JSON.parse(body) as ReportBody);
    if (fault) throw new Violation('acknowledged is stored once', `${device.name}: report ${seq}: ${fault}`);
  }
}

function faultOf(server: SimServer, device: SimDevice, body: ReportBody): string | null {
  switch (body.kind) {
    case 'installation':
      return installationFault(server, body.installationId, body.to);
    case 'probe':
      return probeFault(server, device, body.installationId);
    case 'job':
      return jobFault(server, device, { id: body.jobId, to: body.to });
    case 'running':
    case 'shadow':
      return null;
  }
}

function installationFault({ database: { sqlite } }: SimServer, id: string, to: InstallationState): string | null {
  const found = prepared(sqlite, 'SELECT state FROM installations WHERE installation_id = ?').get(id);
  if (!found) return `the server knows no installation ${id}`;
  const { state } = found as { state: InstallationState };
  // It was ended before the report came, and an end is final.
  if (isFinal(installationTable, state) && state !== to) return null;
  const passed = prepared(sqlite, 'SELECT 1 FROM transitions WHERE installation_id = ? AND to_state = ?').get(id, to);
  return passed ? null : `${id} never came to ${to} there, it is ${state}`;
}

/** A device that is told to go back to what an earlier disk of it ran installs that again, and measures it again. */
function probeFault({ database: { sqlite } }: SimServer, { disks }: SimDevice, id: string): string | null {
  const row = prepared(sqlite, 'SELECT count(*) AS runs FROM bench_runs WHERE installation_id = ?').get(id);
  const { runs } = row as { runs: number };
  return runs >= 1 && runs <= disks ? null : `the probe of ${id} is stored ${runs} times`;
}

function jobFault(
  { database: { sqlite } }: SimServer,
  { deviceId }: SimDevice,
  { id, to }: { id: string; to: JobState },
): string | null {
  const found = prepared(sqlite, 'SELECT state, hand_overs_json FROM jobs WHERE job_id = ?').get(id);
  if (!found) return `the server knows no job ${id}`;
  const { state, hand_overs_json } = found as { state: JobState; hand_overs_json: string | null };
  // Another device was asked meanwhile: this one's word on it is heard no more.
  if (hand_overs_json?.includes(deviceId)) return null;
  return isFinal(jobTable, to) && !isFinal(jobTable, state)
    ? `${id} ended as ${to}, the server has it in ${state}`
    : null;
}
