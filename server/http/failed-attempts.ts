// How often an address came with a key that does not hold. Keys have 256 random bits, so nobody guesses one; the limit
// keeps those who try from filling the log and the processor. A key that holds is never refused.
import type { Clock } from '../../shared/clock.ts';
import { StillError } from '../../shared/errors.ts';

export const failedAttemptLimits = { perWindow: 120, windowMs: 60_000, addresses: 10_000 } as const;

export class FailedAttempts {
  private readonly clock: Clock;
  private readonly counts = new Map<string, number>();
  private windowEndsMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** @throws StillError `too_many` above the limit */
  count(address: string): void {
    const now = this.clock.monotonic();
    if (now >= this.windowEndsMs || this.counts.size >= failedAttemptLimits.addresses) {
      this.counts.clear();
      this.windowEndsMs = now + failedAttemptLimits.windowMs;
    }
    const count = (this.counts.get(address) ?? 0) + 1;
    this.counts.set(address, count);
    if (count > failedAttemptLimits.perWindow)
      throw new StillError(
        'too_many',
        `more than ${failedAttemptLimits.perWindow} attempts in a minute with a key or token that does not hold; wait a minute`,
      );
  }
}
