// How fast artifacts leave the server, all downloads together. Whoever waits is served in turns, a device (or a key) at a
// time however many connections it has, so that none starves and none gains by asking twice.
import type { Clock } from '../../shared/clock.ts';

/** Everybody who waits gets something this often: an agent takes a line that is silent for longer for a broken one. */
const ROUND_MS = 5000;
const LARGEST_PIECE_BYTES = 64 * 1024;
const SMALLEST_PIECE_BYTES = 64;
/** Timers are no finer than this; what is granted early is paid for before the next piece. */
const EARLY_MS = 20;

interface Owner {
  /** Its requests, oldest first. */
  readonly requests: { readonly wantedBytes: number; readonly grant: (bytes: number) => void }[];
  /** What it was granted, counted from where everybody else stood when it came. */
  grantedBytes: number;
}

/** Start-time fair queueing (Goyal, Vin and Cheng, 1996), equal weights: next is who was granted least. */
export class Egress {
  private readonly clock: Clock;
  private readonly bytesPerSecond: number;
  private readonly owners = new Map<string, Owner>();
  /** Where the one stood who was served last: whoever comes anew begins here, and cannot make up for its absence. */
  private frontBytes = 0;
  private paidUntilMs = Number.NEGATIVE_INFINITY;
  private sleeping = false;

  /** @param bytesPerSecond Infinity: no limit */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.clock = clock;
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when it is the owner's turn. @returns how many bytes it may send now, from 1 to `wantedBytes` */
  take(name: string, wantedBytes: number): Promise<number> {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) return Promise.resolve(wantedBytes);
    return new Promise((grant) => {
      const owner = this.owners.get(name) ?? { requests: [], grantedBytes: 0 };
      this.owners.set(name, owner);
      if (owner.requests.length === 0) owner.grantedBytes = Math.max(owner.grantedBytes, this.frontBytes);
      owner.requests.push({ wantedBytes, grant });
      this.serve();
    });
  }

  private serve(): void {
    for (let owner = this.next(); owner && !this.sleeping; owner = this.next()) {
      const nowMs = this.clock.monotonic();
      const owedMs = this.paidUntilMs - nowMs;
      if (owedMs > EARLY_MS) {
        this.sleep(owedMs);
        return;
      }
      const request = owner.requests.shift();
      if (!request) return;
      const bytes = Math.min(request.wantedBytes, pieceBytes(this.bytesPerSecond, this.owners.size));
      this.paidUntilMs = Math.max(this.paidUntilMs, nowMs) + (bytes / this.bytesPerSecond) * 1000;
      this.frontBytes = owner.grantedBytes;
      owner.grantedBytes += bytes;
      request.grant(bytes);
    }
  }

  private sleep(ms: number): void {
    this.sleeping = true;
    this.clock.after(ms, () => {
      this.sleeping = false;
      this.serve();
    });
  }

  /** Of those who wait. Who neither waits nor is ahead of the others is forgotten on the way. */
  private next(): Owner | null {
    let next: Owner | null = null;
    for (const [name, owner] of this.owners)
      if (owner.requests.length === 0) {
        if (owner.grantedBytes <= this.frontBytes) this.owners.delete(name);
      } else if (!next || owner.grantedBytes < next.grantedBytes) next = owner;
    return next;
  }
}

/** So large that a round among all who download takes no longer than `ROUND_MS`. */
function pieceBytes(bytesPerSecond: number, owners: number): number {
  const share = Math.floor((bytesPerSecond * ROUND_MS) / 1000 / owners);
  return Math.min(LARGEST_PIECE_BYTES, Math.max(SMALLEST_PIECE_BYTES, share));
}
