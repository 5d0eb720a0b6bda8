// A bench run or a picture request on its way to a device and back.
import { z } from 'zod';
import { final, type Table } from './machine.ts';

export const JobState = z.enum([
  'QUEUED',
  'SENT',
  'ACCEPTED',
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'REJECTED',
  'TIMED_OUT',
  'CANCELED',
]);
export type JobState = z.infer<typeof JobState>;

const endings = ['FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED'] as const;
const day = 24 * 60 * 60_000;

// The job's own deadline (set by the requester) bounds all of it; the table's only catch what escapes that one.
// biome-ignore format: one aligned line an edge
export const jobTable: Table<JobState> = {
  QUEUED:    { owner: 'server', deadlineMs: day, onDeadline: 'TIMED_OUT', next: ['SENT', ...endings] },
  SENT:      { owner: 'device', deadlineMs: day, onDeadline: 'TIMED_OUT', next: ['ACCEPTED', 'RUNNING', 'SUCCEEDED', ...endings] },
  ACCEPTED:  { owner: 'device', deadlineMs: day, onDeadline: 'TIMED_OUT', next: ['RUNNING', 'SUCCEEDED', ...endings] },
  RUNNING:   { owner: 'device', deadlineMs: day, onDeadline: 'TIMED_OUT', next: ['SUCCEEDED', ...endings] },
  SUCCEEDED: final,
  FAILED:    final,
  REJECTED:  final,
  TIMED_OUT: final,
  CANCELED:  final,
};

/** Why a job did not succeed. */
export const JobReason = z.looseObject({
  code: z.enum([
    'expired',
    'canceled',
    'queue_full',
    'version_not_running',
    'memory_insufficient',
    'prompt_too_long',
    'size_not_supported',
    'steps_not_supported',
    'engine_failed',
    'engine_killed',
    'upload_failed',
    'device_revoked',
    'agent_restarted',
    'invalid_request',
  ]),
  message: z.string().max(2000),
});
export type JobReason = z.infer<typeof JobReason>;
