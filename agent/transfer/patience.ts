// When to ask the server again, and when to give up. A server that cannot be reached is waited for: the state's own
// deadline ends that. A server that answers and refuses, or sends wrong bytes, is asked a few times only.
import type { Clock, Randomness } from '../../shared/clock.ts';
import { timings } from '../../shared/limits.ts';
import { backoffMs } from '../rules/backoff.ts';
import { sleep } from '../sleep.ts';

export type Setback =
  | { readonly kind: 'unreachable' | 'interrupted' | 'mismatch'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string; readonly mayPass: boolean };

const REFUSALS = 4;
const PASSING_REFUSALS = 20;
const MISMATCHES = 3;

export class Patience {
  lastMessage = '';
  private failures = 0;
  private readonly counts = { refused: 0, passing: 0, mismatch: 0 };
  private readonly clock: Clock;
  private readonly randomness: Randomness;
  private readonly log: (line: string) => void;
  private readonly what: string;

  constructor(options: { clock: Clock; randomness: Randomness; log: (line: string) => void; what: string }) {
    this.clock = options.clock;
    this.randomness = options.randomness;
    this.log = options.log;
    this.what = options.what;
  }

  /** Bytes came through: the line is good again. */
  progress(): void {
    this.failures = 0;
  }

  /** Waits before the next attempt; false when there should be none. */
  async again(setback: Setback, signal: AbortSignal): Promise<boolean> {
    if (setback.message !== this.lastMessage) this.log(`${this.what}: ${setback.message}; trying again`);
    this.lastMessage = setback.message;
    if (this.isUsedUp(setback)) return false;
    const delayMs = backoffMs(this.failures++, this.randomness.uniform(), {
      baseMs: timings.reconnectBaseMs,
      maxMs: timings.reconnectMaxMs,
    });
    await sleep(this.clock, delayMs, signal);
    return true;
  }

  private isUsedUp(setback: Setback): boolean {
    switch (setback.kind) {
      case 'unreachable':
      case 'interrupted':
        return false;
      case 'mismatch':
        return ++this.counts.mismatch >= MISMATCHES;
      case 'refused':
        return setback.mayPass ? ++this.counts.passing >= PASSING_REFUSALS : ++this.counts.refused >= REFUSALS;
    }
  }
}
