// Reports that the server has not acknowledged yet. The number of a report is never used twice, also not after its
// row is gone (AUTOINCREMENT).
import type { Database, Statement } from 'better-sqlite3';
import type { Clock, Randomness } from '../../shared/clock.ts';
import { limits } from '../../shared/limits.ts';
import type { Report, ReportBody } from '../../shared/messages.ts';

interface Row {
  readonly seq: number;
  readonly at_ms: number;
  readonly body: string;
}

export class Outgoing {
  /** Marks whose numbers the reports carry: a data folder that is made anew counts anew. */
  readonly outboxId: string;
  private readonly insert: Statement<[number, string, string, string]>;
  private readonly select: Statement<[number, number], Row>;
  private readonly remove: Statement<[number]>;
  private readonly count: Statement<[], { rows: number }>;
  private readonly dropOldest: Statement<[]>;
  private readonly bySubject: Statement<[string], { seq: number }>;
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly onReport: () => void;

  /** @param options.onReport called soon after a report was stored, never within a transaction: it could still be taken back */
  constructor(
    database: Database,
    { clock, randomness, onReport }: { clock: Clock; randomness: Randomness; onReport: () => void },
  ) {
    this.database = database;
    this.clock = clock;
    this.onReport = onReport;
    this.outboxId = outboxIdOf(database, randomness);
    this.insert = database.prepare('INSERT INTO outgoing (at_ms, kind, subject, body) VALUES (?, ?, ?, ?)');
    this.select = database.prepare('SELECT seq, at_ms, body FROM outgoing WHERE seq > ? ORDER BY seq LIMIT ?');
    this.remove = database.prepare('DELETE FROM outgoing WHERE seq <= ?');
    this.count = database.prepare('SELECT count(*) AS rows FROM outgoing');
    this.bySubject = database.prepare('SELECT seq FROM outgoing WHERE subject = ? LIMIT 1');
    // What shadows showed is the least; benches are the largest and can be asked for again, then pictures; what an installation did is never forgotten.
    this.dropOldest = database.prepare(
      `DELETE FROM outgoing WHERE seq = (
         SELECT seq FROM outgoing WHERE kind IN ('shadow', 'bench', 'job', 'running', 'probe')
         ORDER BY CASE kind WHEN 'shadow' THEN -1 WHEN 'bench' THEN 0 WHEN 'job' THEN 1 WHEN 'running' THEN 2 ELSE 3 END, seq LIMIT 1)`,
    );
  }

  append(body: ReportBody): void {
    if (this.size() >= limits.agentOutboxRows) this.dropOldest.run();
    const kind = body.kind === 'job' && body.bench ? 'bench' : body.kind;
    this.insert.run(this.clock.now(), kind, subjectOf(body), JSON.stringify(body));
    queueMicrotask(this.onReport);
  }

  /** Up to `count` reports after `seq`, oldest first. */
  after(seq: number, count: number): Report[] {
    return this.select.all(seq, count).map((row) => ({
      seq: row.seq,
      outboxId: this.outboxId,
      atMs: row.at_ms,
      body: JSON.parse(row.body) as ReportBody,
    }));
  }

  /** The server has stored everything up to and including `seq`. */
  acknowledge(seq: number): void {
    // Not worth waiting for the disk: a row that a power cut brings back is sent once more and changes nothing.
    this.database.pragma('synchronous = NORMAL');
    try {
      this.remove.run(seq);
    } finally {
      this.database.pragma('synchronous = FULL');
    }
  }

  isWaiting(subject: string): boolean {
    return this.bySubject.get(subject) !== undefined;
  }

  size(): number {
    return this.count.get()?.rows ?? 0;
  }
}

function outboxIdOf(database: Database, randomness: Randomness): string {
  const made = Buffer.from(randomness.bytes(16)).toString('hex');
  database.prepare('INSERT INTO outbox (only, id) VALUES (1, ?) ON CONFLICT DO NOTHING').run(made);
  return database.prepare<[], { id: string }>('SELECT id FROM outbox').get()?.id ?? made;
}

function subjectOf(body: ReportBody): string {
  switch (body.kind) {
    case 'installation':
    case 'probe':
    case 'shadow':
      return body.installationId;
    case 'job':
      return body.jobId;
    case 'running':
      return 'running';
  }
}
