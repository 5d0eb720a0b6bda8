import { StillError } from '../../shared/errors.ts';
import { jobTable } from '../../shared/job.ts';
import { isFinal } from '../../shared/machine.ts';
import * as audit from '../store/audit.ts';
import * as commands from '../store/commands.ts';
import * as jobs from '../store/jobs.ts';
import type { World } from '../store/world.ts';

/** Ends a job at once; the device is told to stop. Canceling one that has ended changes nothing. */
export async function cancelJob(
  { store, clock, randomness }: World,
  { kind, jobId, actor }: { kind: jobs.Job['kind']; jobId: string; actor: string },
): Promise<jobs.Job> {
  const atMs = clock.now();
  return store.write(async (tx) => {
    const job = await jobs.find(tx, jobId);
    if (job?.kind !== kind) throw new StillError('not_found', `no ${kind === 'bench' ? 'bench run' : kind} ${jobId}`);
    if (isFinal(jobTable, job.state)) return job;
    const reason = { code: 'canceled', message: `canceled by ${actor}` } as const;
    await jobs.move(tx, job, { to: 'CANCELED', atMs, reason });
    await commands.oweCancel(tx, job, { nowMs: atMs, randomness });
    await audit.append(tx, { atMs, actor, action: `cancel-${kind}`, subject: jobId, details: {} });
    return { ...job, state: 'CANCELED', reason, endedAtMs: atMs };
  });
}
