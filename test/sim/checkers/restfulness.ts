// The server works because something came in or because a time has come, not because it has just worked.
import { Violation } from '../violation.ts';

const MINUTE_MS = 60_000;
const COMMITS_BY_ITSELF = 250;
const COMMITS_A_MESSAGE = 12;

export class Restfulness {
  private sinceMs = 0;
  private commits = 0;
  private messages = 0;

  committed(nowMs: number): void {
    this.turn(nowMs);
    this.commits++;
    const allowed = COMMITS_BY_ITSELF + COMMITS_A_MESSAGE * this.messages;
    if (this.commits > allowed)
      throw new Violation(
        'rest when there is nothing to do',
        `${this.commits} commits within a minute in which ${this.messages} messages came`,
      );
  }

  /** A message of a device, or an operator's wish. */
  came(nowMs: number, weight = 1): void {
    this.turn(nowMs);
    this.messages += weight;
  }

  private turn(nowMs: number): void {
    if (nowMs - this.sinceMs < MINUTE_MS) return;
    this.sinceMs = nowMs;
    this.commits = 0;
    this.messages = 0;
  }
}
