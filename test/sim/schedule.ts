// Simulated time: a line of things to happen, taken one by one. A step is one of them with everything that follows from
// it at once (promises that settle); nothing else runs beside it, so the order is the same at every run.
import { type Journal, START_MS } from './journal.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly label: string;
  action: (() => void) | null;
}

export class Schedule {
  /** Since the start. */
  nowMs = 0;
  steps = 0;
  private order = 0;
  private readonly heap: Entry[] = [];
  private readonly journal: Journal;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  get wallMs(): number {
    return START_MS + this.nowMs;
  }

  /** @returns what takes it back */
  after(delayMs: number, label: string, action: () => void): () => void {
    const entry: Entry = {
      atMs: this.nowMs + Math.max(0, Math.ceil(delayMs)),
      order: this.order++,
      label,
      action,
    };
    this.push(entry);
    return () => {
      entry.action = null;
    };
  }

  /** Takes steps until the time has come, or `isOver` says so after a step. */
  async run(untilMs: number, afterStep: () => boolean): Promise<void> {
    await settled();
    for (;;) {
      const next = this.heap[0];
      if (!next || next.atMs > untilMs) break;
      this.pop();
      const { action } = next;
      if (!action) continue;
      this.nowMs = next.atMs;
      this.steps++;
      this.journal.step(this.nowMs, next.order, next.label);
      next.action = null;
      action();
      await settled();
      if (afterStep()) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Every promise that could settle has: Node comes to its immediates only when no microtask is left. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
