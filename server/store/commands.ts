// Commands owed to devices: do a job, or stop doing it.
import type { Randomness } from '../../shared/clock.ts';
import { newId } from '../../shared/ids.ts';
import type { Command } from '../../shared/messages.ts';
import type { Db } from './database.ts';
import type { Job } from './jobs.ts';
import * as outgoing from './outgoing.ts';

/** How long a device that is away may still be told to stop. */
const CANCEL_HOLDS_MS = 10 * 60_000;

export async function owe(
  tx: Db,
  {
    jobId,
    deviceId,
    deadlineMs,
    kind,
    request,
    requestedBy,
  }: Pick<Job, 'jobId' | 'deviceId' | 'deadlineMs' | 'kind' | 'request' | 'requestedBy'>,
  nowMs: number,
): Promise<void> {
  const body = { kind, request: kind === 'picture' ? { ...request, requestedBy } : request } as Command['body'];
  const payload: Command = { commandId: jobId, sentAtMs: nowMs, deadlineMs, body };
  await outgoing.owe(tx, { deviceId, kind: 'command', subject: jobId, payload });
}

/** The job's own command, where it was not sent yet, is not sent any more. */
export async function oweCancel(
  tx: Db,
  { jobId, deviceId }: Pick<Job, 'jobId' | 'deviceId'>,
  { nowMs, randomness }: { nowMs: number; randomness: Randomness },
): Promise<void> {
  await outgoing.forgive(tx, deviceId, jobId);
  const payload: Command = {
    commandId: newId('job', nowMs, randomness.bytes),
    sentAtMs: nowMs,
    deadlineMs: nowMs + CANCEL_HOLDS_MS,
    body: { kind: 'cancel', jobId },
  };
  await outgoing.owe(tx, { deviceId, kind: 'command', subject: `cancel ${jobId}`, payload });
}
