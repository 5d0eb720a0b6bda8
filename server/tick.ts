// The one timer. Facts come in and are stored by others; here the server acts on them, at its own pace: a commit wakes
// it, and it never turns faster than its own work allows.
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { timings } from '../shared/limits.ts';
import type { Log } from './store/world.ts';

export interface Task {
  readonly name: string;
  /** At most this often; 0: at every turn. */
  readonly everyMs: number;
  /** @returns when it is due by time alone, UTC milliseconds, or nothing */
  run(): Promise<number | null | undefined>;
}

/** Rest after a turn, as a multiple of how long it took: work on the rollouts leaves most of the time to everything else. */
const REST_FACTOR = 3;
const LEAST_REST_MS = 10;

export class Tick {
  private readonly tasks: readonly Task[];
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly lastRun = new Map<string, number>();
  private wanted = false;
  private stopped = false;
  private wakeSleeper: (() => void) | null = null;
  private readonly ended: Promise<void>;

  constructor({ tasks, clock, log }: { tasks: readonly Task[]; clock: Clock; log: Log }) {
    this.tasks = tasks;
    this.clock = clock;
    this.log = log;
    this.ended = this.loop();
  }

  /** Something changed: the next turn need not wait for the timer. */
  wake(): void {
    this.wanted = true;
    this.wakeSleeper?.();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.ended;
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      this.wanted = false;
      const startedAt = this.clock.monotonic();
      const dueMs = await this.turn();
      const restMs = Math.max(LEAST_REST_MS, REST_FACTOR * (this.clock.monotonic() - startedAt));
      await this.sleep(restMs, false);
      const sleepMs = Math.min(timings.tickMs, Math.max(0, (dueMs ?? Infinity) - this.clock.now()));
      if (!this.wanted) await this.sleep(sleepMs, true);
    }
  }

  private async turn(): Promise<number | null> {
    const due: number[] = [];
    for (const { name, everyMs, run } of this.tasks) {
      if (this.stopped) break;
      const now = this.clock.monotonic();
      const restMs = everyMs - (now - (this.lastRun.get(name) ?? -Infinity));
      if (restMs > 0) {
        due.push(this.clock.now() + restMs);
        continue;
      }
      this.lastRun.set(name, now);
      try {
        const next = await run();
        if (typeof next === 'number') due.push(next);
      } catch (error) {
        // One broken rollout must not keep jobs from expiring.
        this.log('error', `${name} failed`, { error: error instanceof Error ? error.stack : messageOf(error) });
      }
    }
    return due.length > 0 ? Math.min(...due) : null;
  }

  private async sleep(ms: number, wakeable: boolean): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const cancel = this.clock.after(ms, resolve);
      const wake = () => {
        if (!wakeable && !this.stopped) return;
        cancel();
        resolve();
      };
      this.wakeSleeper = wake;
    });
    this.wakeSleeper = null;
  }
}
