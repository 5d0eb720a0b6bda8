// Reports from the store to the broker, in order, a bounded number at a time. Rows go away only when the server itself
// acknowledges them (mailbox), so what a broker accepted and lost is sent again.
import type { Clock } from '../../shared/clock.ts';
import type { Report } from '../../shared/messages.ts';
import type { Outgoing } from '../store/outgoing.ts';

const WINDOW = 16;
/** After this long without any acknowledgement the oldest reports are sent again. */
const RESEND_MS = 30_000;

export type PublishReport = (report: Report, done: (error?: Error | null) => void) => void;

export class Outbox {
  private readonly outgoing: Outgoing;
  private readonly clock: Clock;
  private publish: PublishReport | null = null;
  private connection = 0;
  private inFlight = 0;
  private sentUpTo = 0;
  private oldestSeen = 0;
  private cancelTimer: (() => void) | null = null;

  constructor(options: { outgoing: Outgoing; clock: Clock }) {
    this.outgoing = options.outgoing;
    this.clock = options.clock;
  }

  /** A new connection: everything that is not acknowledged goes out again, oldest first. */
  attach(publish: PublishReport): void {
    this.detach();
    this.publish = publish;
    this.sentUpTo = 0;
    this.pump();
  }

  detach(): void {
    this.connection++;
    this.publish = null;
    this.inFlight = 0;
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  /** Sends what is new, as far as the window allows. */
  pump(): void {
    const { publish, connection } = this;
    if (!publish || this.inFlight >= WINDOW) return;
    for (const report of this.outgoing.after(this.sentUpTo, WINDOW - this.inFlight)) {
      this.sentUpTo = report.seq;
      this.inFlight++;
      if (this.cancelTimer === null) this.watch();
      publish(report, (error) => {
        if (connection !== this.connection) return;
        this.inFlight--;
        if (!error) this.pump();
      });
    }
  }

  private watch(): void {
    this.cancelTimer = this.clock.after(RESEND_MS, () => {
      const oldest = this.outgoing.after(0, 1)[0]?.seq ?? 0;
      const isStuck = oldest !== 0 && oldest === this.oldestSeen && oldest <= this.sentUpTo && this.inFlight === 0;
      if (isStuck) this.sentUpTo = oldest - 1;
      this.oldestSeen = oldest;
      // Nothing is left: the next report starts it again.
      this.cancelTimer = null;
      if (oldest !== 0) this.watch();
      this.pump();
    });
  }
}
