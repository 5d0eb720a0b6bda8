// One process of the simulation: it can be stopped for a while (slow, hanging) and it can die, between two steps or in
// the midst of any effect. What a dead process had begun never goes on: its promises stay open and its timers silent.
import type { Clock } from '../../shared/clock.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

/** Thrown by an effect of a process that is dead; whoever catches it can do nothing more. */
export class Died extends Error {}

export class SimProcess {
  readonly name: string;
  readonly schedule: Schedule;
  readonly random: Random;
  isAlive = true;
  readonly clock: Clock;
  private effects = 0;
  private fatalEffect = 0;
  private stoppedUntilMs = 0;
  private readonly onDeath: () => void;

  /** @param skewMs how much its clock is ahead */
  constructor(options: {
    name: string;
    schedule: Schedule;
    random: Random;
    skewMs: () => number;
    onDeath: () => void;
  }) {
    const { name, schedule, random, skewMs, onDeath } = options;
    this.name = name;
    this.schedule = schedule;
    this.random = random;
    this.onDeath = onDeath;
    this.clock = {
      now: () => schedule.wallMs + skewMs(),
      monotonic: () => schedule.nowMs,
      after: (delayMs, action) => this.after(delayMs, 'timer', action),
    };
  }

  after(delayMs: number, what: string, action: () => void): () => void {
    const label = `${this.name} ${what}`;
    let cancel = () => {};
    const run = () => {
      if (!this.isAlive) return;
      const stoppedMs = this.stoppedUntilMs - this.schedule.nowMs;
      if (stoppedMs > 0) cancel = this.schedule.after(stoppedMs, label, run);
      else this.act(action);
    };
    cancel = this.schedule.after(delayMs, label, run);
    return () => cancel();
  }

  private act(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
  }

  /** Something that others could see is about to be done, or was just done. @throws Died */
  effect(): void {
    if (!this.isAlive) throw new Died(`${this.name} is dead`);
    this.effects++;
    if (this.effects !== this.fatalEffect) return;
    this.die();
    throw new Died(`${this.name} died`);
  }

  /** The same for effects that must not throw: false when the process is dead. */
  survivesEffect(): boolean {
    try {
      this.effect();
    } catch {
      // It is dead, and says so.
    }
    return this.isAlive;
  }

  /** An effect that takes time; never settles when the process dies before. */
  async io<T>(what: string, delayMs: number, work: () => T): Promise<T> {
    if (!this.isAlive) return forever();
    return new Promise((resolve, reject) => {
      const act = () => {
        try {
          this.effect();
          resolve(work());
        } catch (error) {
          if (this.isAlive) reject(error);
        }
      };
      if (delayMs === 0) act();
      else this.after(delayMs, what, act);
    });
  }

  /** Runs nothing for so long. */
  stopFor(ms: number): void {
    this.stoppedUntilMs = this.schedule.nowMs + ms;
  }

  /** It will die in the midst of its `count`th effect from here. */
  dieAfterEffects(count: number): void {
    this.fatalEffect = this.effects + count;
  }

  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.onDeath();
  }
}

export const forever = <T>(): Promise<T> => new Promise<T>(() => {});
