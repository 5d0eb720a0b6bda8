// What runs beside the loop: at most one of each installation or job. A piece of work ends by handing back how to record
// its outcome; the loop, which alone writes, does so in its own order.
import { isDiskFull } from './rules/no-space.ts';
import type { Reached, WorkView } from './rules/plan/situation.ts';

type Changing = 'phase' | 'timed' | 'exclusive' | 'stopping' | 'reached';

/** One piece of work; the loop and the work itself keep its fields up to date. */
export type Work = Omit<WorkView, Changing> & {
  -readonly [key in Changing]: WorkView[key];
} & {
  readonly signal: AbortSignal;
  /** Pictures that were begun while this measured latencies. */
  picturesBeside: number;
  readonly reach: (at: Reached) => void;
};

type Record = () => void;

export class WorkList {
  private readonly entries = new Map<Work, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  private settled: { readonly work: Work; readonly record: Record }[] = [];
  private readonly onChange: () => void;

  /** @param onChange called whenever the plan may look different */
  constructor(onChange: () => void) {
    this.onChange = onChange;
  }

  views(): readonly Work[] {
    return [...this.entries.keys()];
  }

  /** @param body never rejects: it turns faults into something to record */
  start(
    about: Pick<WorkView, 'kind' | 'id' | 'phase' | 'timed' | 'exclusive'>,
    body: (work: Work) => Promise<Record>,
  ): void {
    const controller = new AbortController();
    const work: Work = {
      ...{ ...about, stopping: false, reached: null, signal: controller.signal, picturesBeside: 0 },
      reach({ stage, done, total }) {
        work.reached = { stage, done, total };
      },
    };
    const ended = body(work).then((record) => {
      this.settled.push({ work, record });
      this.onChange();
    });
    this.entries.set(work, { controller, ended });
  }

  change(work: Work, change: Partial<Pick<Work, Changing>>): void {
    Object.assign(work, change);
    this.onChange();
  }

  abort(id: string): void {
    for (const [work, { controller }] of this.entries) {
      if (work.id !== id) continue;
      work.stopping = true;
      controller.abort();
    }
  }

  /** Records what has ended, in the order in which it ended. */
  recordSettled(): void {
    for (let next = this.settled[0]; next; next = this.settled[0]) {
      try {
        next.record();
      } catch (error) {
        // What a full disk did not let be written is still to be written.
        if (isDiskFull(error)) throw error;
        this.forgetFirst();
        throw error;
      }
      this.forgetFirst();
    }
  }

  private forgetFirst(): void {
    const first = this.settled.shift();
    if (first) this.entries.delete(first.work);
  }

  /** Stops everything and records it. */
  async end(): Promise<void> {
    for (const { id } of this.views()) this.abort(id);
    await Promise.all([...this.entries.values()].map(({ ended }) => ended));
    this.recordSettled();
  }
}
