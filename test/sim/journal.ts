// What happened, as a digest: two runs of one seed must have the same. Lines are kept only when somebody asked to see
// them, and the last few for a violation.
import { createHash } from 'node:crypto';

/** When the simulated time begins. */
export const START_MS = Date.UTC(2026, 0, 1);

const KEPT_LINES = 40;
const BUFFERED = 4096;

export class Journal {
  /** The last lines, oldest first. */
  readonly last: string[] = [];
  private readonly hash = createHash('sha256');
  private pending = '';
  private nowMs = 0;
  private readonly trace: ((line: string) => void) | null;

  constructor(trace: ((line: string) => void) | null) {
    this.trace = trace;
  }

  step(nowMs: number, order: number, label: string): void {
    this.nowMs = nowMs;
    this.take(`${nowMs} ${order} ${label}\n`);
    this.trace?.(`${clockTime(nowMs)} ${label}`);
  }

  line(who: string, text: string): void {
    this.take(`${who}: ${text}\n`);
    const line = `${clockTime(this.nowMs)}   ${who}: ${text}`;
    this.trace?.(line);
    if (this.last.push(line) > KEPT_LINES) this.last.shift();
  }

  digest(): string {
    this.hash.update(this.pending);
    this.pending = '';
    return this.hash.copy().digest('hex');
  }

  private take(text: string): void {
    this.pending += text;
    if (this.pending.length < BUFFERED) return;
    this.hash.update(this.pending);
    this.pending = '';
  }
}

const clockTime = (nowMs: number): string => {
  const time = new Date(START_MS + nowMs).toISOString();
  return `day ${Math.floor(nowMs / 86_400_000)} ${time.slice(11, 23)}`;
};
