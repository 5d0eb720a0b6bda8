// The time by which an agent keeps its deadlines. A Pi without a clock chip starts in 1970 and is set by the network some time
// later; an operator or a summer-time mistake may set any clock. So what waits on the disk is dated by a time that only the
// monotonic clock moves while the agent runs. Over a restart it grows by what the clock on the wall says has passed, as far
// as that can be believed: never backwards, and never more than an hour, for the server counts real time anyway.
import type { Database, Statement } from 'better-sqlite3';
import type { Clock } from '../../shared/clock.ts';

const BELIEVED_AT_MOST_MS = 3600_000;
/** How much of its life a power cut may take back. */
const KEPT_EVERY_MS = 5 * 60_000;

export class Lifetime implements Clock {
  private readonly clock: Clock;
  private readonly baseMs: number;
  private readonly startedAt: number;
  private readonly update: Statement<[number, number]>;
  private keptAt: number;

  constructor(database: Database, clock: Clock) {
    this.clock = clock;
    this.startedAt = clock.monotonic();
    this.keptAt = this.startedAt - KEPT_EVERY_MS;
    this.update = database.prepare(
      `INSERT INTO lifetime (only, lived_ms, wall_ms) VALUES (1, ?, ?)
       ON CONFLICT DO UPDATE SET lived_ms = excluded.lived_ms, wall_ms = excluded.wall_ms`,
    );
    const kept = database
      .prepare<[], { lived_ms: number; wall_ms: number }>('SELECT lived_ms, wall_ms FROM lifetime')
      .get();
    const wallMs = clock.now();
    this.baseMs = kept ? kept.lived_ms + Math.min(BELIEVED_AT_MOST_MS, Math.max(0, wallMs - kept.wall_ms)) : wallMs;
    // Otherwise a start writes nothing: an agent has to start on a full disk, too.
    if (!kept) this.write();
  }

  /** Milliseconds, about UTC where the clock was right at the first start; for deadlines, not for reports. */
  now(): number {
    return Math.floor(this.baseMs + this.monotonic() - this.startedAt);
  }

  monotonic(): number {
    return this.clock.monotonic();
  }

  after(delayMs: number, action: () => void): () => void {
    return this.clock.after(delayMs, action);
  }

  /** What a moment of this time is on the wall, UTC milliseconds. */
  onTheWall(atMs: number): number {
    return atMs - this.now() + this.clock.now();
  }

  /** Writes down how far it has come, now and then. */
  keep(): void {
    if (this.monotonic() - this.keptAt < KEPT_EVERY_MS) return;
    this.keptAt = this.monotonic();
    this.write();
  }

  private write(): void {
    this.update.run(this.now(), this.clock.now());
  }
}
