// One device's way to one desired version (ARCHITECTURE.md, "Installation"). COMMITTED means that the bytes on this
// device reproduced the publisher's golden pictures; a terminal state never changes again.
import { z } from 'zod';
import { final, type Table } from './machine.ts';

export const InstallationState = z.enum([
  'QUEUED',
  'NOTIFIED',
  'DOWNLOADING',
  'VERIFIED',
  'STAGED',
  'ACTIVATING',
  'PROBING',
  'COMMITTED',
  'FAILED',
  'REJECTED',
  'TIMED_OUT',
  'CANCELED',
  'SUPERSEDED',
  'ROLLED_BACK',
]);
export type InstallationState = z.infer<typeof InstallationState>;

const minutes = 60_000;
const hours = 60 * minutes;
const days = 24 * hours;
const endings = ['FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED', 'SUPERSEDED'] as const;

// The device reports every transition in order (durable outbox), so the server's copy walks the same edges. A report that
// leaves NOTIFIED proves the notification, even where the server has not yet marked the message as sent.
// biome-ignore format: one aligned line an edge
export const installationTable: Table<InstallationState> = {
  QUEUED:      { owner: 'server', deadlineMs: 30 * days,    onDeadline: 'TIMED_OUT',   next: ['NOTIFIED', ...endings] },
  NOTIFIED:    { owner: 'device', deadlineMs: 24 * hours,   onDeadline: 'TIMED_OUT',   next: ['DOWNLOADING', ...endings] },
  DOWNLOADING: { owner: 'device', deadlineMs: 24 * hours,   onDeadline: 'TIMED_OUT',   next: ['VERIFIED', ...endings] },
  VERIFIED:    { owner: 'device', deadlineMs: 30 * minutes, onDeadline: 'TIMED_OUT',   next: ['STAGED', ...endings] },
  STAGED:      { owner: 'device', deadlineMs: 24 * hours,   onDeadline: 'TIMED_OUT',   next: ['ACTIVATING', ...endings] },
  ACTIVATING:  { owner: 'device', deadlineMs: 10 * minutes, onDeadline: 'ROLLED_BACK', next: ['PROBING', 'ROLLED_BACK', ...endings] },
  PROBING:     { owner: 'device', deadlineMs: 2 * hours,    onDeadline: 'ROLLED_BACK', next: ['COMMITTED', 'ROLLED_BACK', ...endings] },
  COMMITTED:   final,
  FAILED:      final,
  REJECTED:    final,
  TIMED_OUT:   final,
  CANCELED:    final,
  SUPERSEDED:  final,
  ROLLED_BACK: final,
};

const FAILURES: ReadonlySet<InstallationState> = new Set(['FAILED', 'REJECTED', 'TIMED_OUT', 'ROLLED_BACK']);

/** Ended badly, which says something of the version; CANCELED and SUPERSEDED were called off and say nothing. */
export const isFailure = (state: InstallationState): boolean => FAILURES.has(state);

/** Why an installation ended other than by COMMITTED; `message` names the numbers. */
export const InstallationReason = z.looseObject({
  code: z.enum([
    'runtime_missing',
    'processor_unsupported',
    'memory_insufficient',
    'disk_full',
    'manifest_invalid',
    'download_failed',
    'digest_mismatch',
    'load_failed',
    'golden_mismatch',
    'bench_failed',
    'deadline_passed',
    'superseded',
    'canceled',
    'crashed',
  ]),
  message: z.string().max(2000),
});
export type InstallationReason = z.infer<typeof InstallationReason>;
