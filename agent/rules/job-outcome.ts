// What a job tells the loop, which alone writes it down.
import type { JobReason } from '../../shared/job.ts';
import type { ReportBody } from '../../shared/messages.ts';

export type JobOutcome =
  | { readonly kind: 'ended'; readonly report: Extract<ReportBody, { kind: 'job' }> }
  /** The signal aborted it; whoever aborted it has recorded why. */
  | { readonly kind: 'stopped' };

/** A job that did not succeed; `message` is cut to what a report may hold. */
export function failed(jobId: string, to: 'FAILED' | 'REJECTED' | 'CANCELED', reason: JobReason): JobOutcome {
  const bounded = { code: reason.code, message: reason.message.slice(0, 2000) };
  return { kind: 'ended', report: { kind: 'job', jobId, to, reason: bounded } };
}
