// Wakes one sleeper. A ring while nobody sleeps is remembered, so that no wake-up is lost between looking and sleeping.
import type { Clock } from '../shared/clock.ts';

export class Bell {
  private rung = false;
  private wakeSleeper: (() => void) | null = null;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ring(): void {
    this.rung = true;
    this.wakeSleeper?.();
  }

  /** Resolves at the next ring, or after `timeoutMs`; at once when it rang since the last wait. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(timeoutMs, resolve);
        this.wakeSleeper = () => {
          cancel();
          resolve();
        };
      });
    }
    this.wakeSleeper = null;
    this.rung = false;
  }
}
