// Waits for a bench run or a picture to end, and shows how far it is.
import { StillError } from '../../shared/errors.ts';
import type { BenchRunView, PictureView } from '../../shared/http-api.ts';
import { jobTable } from '../../shared/job.ts';
import { isFinal } from '../../shared/machine.ts';
import { follow } from './follow.ts';
import { progressBar } from './progress-bar.ts';
import type { Session } from './session.ts';

/** Events make it quicker; a job's end is seen after this long anyway. */
const LOOK_EVERY_MS = 400;
/** A device that is there has taken a job on by then. */
const AWAY_AFTER_MS = 2000;
const ABOUT_JOBS = new Set(['bench', 'picture', 'progress']);

/** @returns the job at its end, or where `signal` ended the waiting, though that was before it began */
export async function followJob<T extends BenchRunView | PictureView>(
  { client, screen }: Session,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const bar = progressBar(screen, (value) => String(Math.round(value)));
  const concerns = ({ kind }: { kind: string }) => ABOUT_JOBS.has(kind);
  let last: T | undefined;
  const startedAtMs = performance.now();
  let looked = false;
  try {
    for await (const job of follow(client, ask, { signal, concerns, everyMs: LOOK_EVERY_MS })) {
      last = job;
      if (isFinal(jobTable, job.state)) break;
      if (!looked && job.state === 'QUEUED' && performance.now() - startedAtMs > AWAY_AFTER_MS) {
        looked = true;
        // A hint only: without an answer the wait goes on.
        const device = await client.call('showDevice', { params: { name: job.device } }).catch(() => null);
        if (device?.online === false)
          screen.line(`${job.device} is not connected; it takes this on when it comes back`);
      }
      if (job.progress?.total)
        bar.update(`${job.device}: ${job.progress.stage}`, job.progress.done, job.progress.total);
    }
  } finally {
    bar.stop();
  }
  return last ?? ask();
}

/** @throws StillError with the device's reason unless the job succeeded */
export function requireSuccess(what: string, { device, state, reason }: BenchRunView | PictureView): void {
  if (state === 'SUCCEEDED') return;
  const code = state === 'REJECTED' ? 'unprocessable' : state === 'TIMED_OUT' ? 'timeout' : 'internal';
  const why = reason ? `${reason.message} (${reason.code})` : 'the device gave no reason';
  throw new StillError(code, `${what} on ${device} ended ${state}: ${why}`, { problems: reason ? [reason] : [] });
}
