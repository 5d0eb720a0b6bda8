// A bound on how fast bytes are taken from the line. Whoever does not read makes TCP slow the sender down, so waiting
// before the next piece is all that a limit needs; what a limit costs in burst is one piece.
import type { Clock } from '../../shared/clock.ts';
import { sleep } from '../sleep.ts';

export class Pace {
  private readonly clock: Clock;
  private readonly bytesPerSecond: number;
  /** Until then, what was taken is paid for. */
  private paidUntilMs = Number.NEGATIVE_INFINITY;

  /** @param bytesPerSecond Infinity: no limit */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.clock = clock;
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when `bytes` that have come are within the limit again. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) return;
    const nowMs = this.clock.monotonic();
    this.paidUntilMs = Math.max(this.paidUntilMs, nowMs) + (bytes / this.bytesPerSecond) * 1000;
    if (this.paidUntilMs > nowMs) await sleep(this.clock, this.paidUntilMs - nowMs, signal);
  }
}
