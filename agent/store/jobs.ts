// The ledger of jobs: those under way, and the outcome of the last ones, so that a repeated id is answered by what
// is known instead of being done twice.
import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../shared/clock.ts';
import { type JobReason, type JobState, jobTable } from '../../shared/job.ts';
import { isFinal, step } from '../../shared/machine.ts';
import type { BenchRequest, PictureRequest, ReportBody } from '../../shared/messages.ts';
import type { Outgoing } from './outgoing.ts';

export type JobReport = Extract<ReportBody, { kind: 'job' }>;
export type JobRequest =
  | { readonly kind: 'picture'; readonly request: PictureRequest }
  | { readonly kind: 'bench'; readonly request: BenchRequest };

export type Job = JobRequest & {
  readonly jobId: string;
  readonly state: JobState;
  readonly receivedMs: number;
  /** By this device's own clock. */
  readonly deadlineMs: number;
  readonly attempts: number;
  readonly cancelRequested: boolean;
};

interface Row {
  readonly job_id: string;
  readonly kind: 'picture' | 'bench';
  readonly request: string;
  readonly state: JobState;
  readonly received_ms: number;
  readonly deadline_ms: number;
  readonly attempts: number;
  readonly cancel_requested: number;
  readonly outcome: string | null;
}

const KEPT = 1000;

export class Jobs {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly outgoing: Outgoing;
  private readonly selectOne: Statement<[string], Row>;
  private readonly selectOpen: Statement<[], Row>;

  constructor(database: Database, clock: Clock, outgoing: Outgoing) {
    this.database = database;
    this.clock = clock;
    this.outgoing = outgoing;
    this.selectOne = database.prepare('SELECT * FROM jobs WHERE job_id = ?');
    this.selectOpen = database.prepare(`SELECT * FROM jobs WHERE state IN ('ACCEPTED', 'RUNNING') ORDER BY position`);
  }

  get(jobId: string): Job | null {
    const row = this.selectOne.get(jobId);
    return row ? fromRow(row) : null;
  }

  /** Those that have not ended, in order of arrival. */
  open(): Job[] {
    return this.selectOpen.all().map(fromRow);
  }

  /** Takes a new job, or refuses it with a reason; either is reported. */
  add(jobId: string, job: JobRequest & { readonly deadlineMs: number }, refusal?: JobReason): void {
    const report: JobReport = refusal
      ? { kind: 'job', jobId, to: 'REJECTED', reason: refusal }
      : { kind: 'job', jobId, to: 'ACCEPTED' };
    this.database.transaction(() => {
      this.database
        .prepare(
          'INSERT INTO jobs (job_id, kind, request, state, received_ms, deadline_ms, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)',
        )
        .run(
          jobId,
          job.kind,
          JSON.stringify(job.request),
          report.to,
          this.clock.now(),
          Math.floor(job.deadlineMs),
          refusal ? JSON.stringify(report) : null,
        );
      this.forget();
      this.outgoing.append(report);
    })();
  }

  /** @returns false when the job had ended before */
  move(report: JobReport): boolean {
    const job = this.get(report.jobId);
    if (!job || isFinal(jobTable, job.state)) return false;
    const verdict = step(jobTable, job.state, report.to);
    if (verdict.kind === 'illegal') throw new RangeError(`job ${report.jobId}: ${verdict.message}`);
    if (verdict.kind === 'same') return true;
    this.database.transaction(() => {
      this.database
        .prepare('UPDATE jobs SET state = ?, outcome = ? WHERE job_id = ?')
        .run(report.to, isFinal(jobTable, report.to) ? JSON.stringify(report) : null, report.jobId);
      this.outgoing.append(report);
    })();
    return true;
  }

  /** Says again what is known of a job, unless that is already on its way. */
  repeat(jobId: string): void {
    const row = this.selectOne.get(jobId);
    if (!row || this.outgoing.isWaiting(jobId)) return;
    this.outgoing.append(row.outcome ? (JSON.parse(row.outcome) as JobReport) : { kind: 'job', jobId, to: row.state });
  }

  begin(jobId: string): void {
    this.database.prepare('UPDATE jobs SET attempts = attempts + 1 WHERE job_id = ?').run(jobId);
  }

  /** The work was stopped in order: that was no crash. */
  interrupted(jobId: string): void {
    this.database.prepare('UPDATE jobs SET attempts = max(0, attempts - 1) WHERE job_id = ?').run(jobId);
  }

  requestCancel(jobId: string): void {
    this.database.prepare('UPDATE jobs SET cancel_requested = 1 WHERE job_id = ?').run(jobId);
  }

  private forget(): void {
    this.database
      .prepare(
        `DELETE FROM jobs WHERE state NOT IN ('ACCEPTED', 'RUNNING')
         AND position <= (SELECT max(position) FROM jobs) - ?`,
      )
      .run(KEPT);
  }
}

function fromRow(row: Row): Job {
  return {
    jobId: row.job_id,
    ...({ kind: row.kind, request: JSON.parse(row.request) } as JobRequest),
    state: row.state,
    receivedMs: row.received_ms,
    deadlineMs: row.deadline_ms,
    attempts: row.attempts,
    cancelRequested: row.cancel_requested === 1,
  };
}
