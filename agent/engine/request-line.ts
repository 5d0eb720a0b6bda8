// Requests of one engine, in line: one is with the child, the others wait here, where they can be taken back at once.
import type { Clock } from '../../shared/clock.ts';
import { timings } from '../../shared/limits.ts';
import type { PictureRequest, StageProgress } from '../pipeline/pipeline.ts';
import { EngineFault, type GeneratedPicture, type GenerateHooks, type RuntimeDescription } from './engine.ts';
import type { ToChild, ToParent } from './frames.ts';

type RequestFrame = Extract<ToChild, { id: number }>;

interface Waiting {
  readonly frame: RequestFrame;
  readonly answer: PromiseWithResolvers<ToParent>;
  readonly onProgress: ((progress: StageProgress) => void) | undefined;
}

interface Wires {
  readonly clock: Clock;
  readonly send: (frame: ToChild) => void;
  readonly kill: () => void;
}

export class RequestLine {
  private readonly wires: Wires;
  private readonly line: Waiting[] = [];
  private lastId = 0;
  private ended: EngineFault | null = null;

  constructor(wires: Wires) {
    this.wires = wires;
  }

  /** It owes an answer. */
  get isAsked(): boolean {
    return this.line.length > 0;
  }

  async generate(request: PictureRequest, hooks: GenerateHooks): Promise<readonly GeneratedPicture[]> {
    const progress = hooks.onProgress !== undefined;
    const answer = await this.ask({ kind: 'generate', id: ++this.lastId, request, progress }, hooks);
    if (answer.kind !== 'pictures') throw new EngineFault('run_failed', `a picture was answered with ${answer.kind}`);
    return answer.pictures;
  }

  async evaluate(png: Uint8Array, signal?: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const answer = await this.ask({ kind: 'evaluate', id: ++this.lastId, png }, { ...(signal && { signal }) });
    if (answer.kind !== 'found') throw new EngineFault('run_failed', `an evaluation was answered with ${answer.kind}`);
    return answer.labels;
  }

  async describe(signal?: AbortSignal): Promise<RuntimeDescription> {
    const answer = await this.ask({ kind: 'describe', id: ++this.lastId }, { ...(signal && { signal }) });
    if (answer.kind !== 'description')
      throw new EngineFault('run_failed', `a question was answered with ${answer.kind}`);
    return answer.description;
  }

  /** Every question can be taken back: a child that hangs answers none of them. */
  private async ask(frame: RequestFrame, { onProgress, signal }: GenerateHooks): Promise<ToParent> {
    if (signal?.aborted) throw new EngineFault('canceled', 'canceled before it began');
    const waiting = this.join(frame, onProgress);
    let stopKilling = () => {};
    const onAbort = () => {
      stopKilling = this.withdraw(waiting);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await waiting.answer.promise;
    } finally {
      stopKilling();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** A frame of the child; one that answers nothing that waits is dropped. */
  receive(frame: ToParent): void {
    const first = this.line[0];
    if (!first || frame.kind === 'ready' || frame.kind === 'made-way' || frame.id !== first.frame.id) return;
    if (frame.kind === 'progress') {
      first.onProgress?.(frame.progress);
      return;
    }
    this.line.shift();
    this.sendFirst();
    if (frame.kind === 'fault') first.answer.reject(new EngineFault(frame.code, frame.message));
    else first.answer.resolve(frame);
  }

  /** Rejects whatever waits, and everything that comes later. */
  fail(fault: EngineFault): void {
    this.ended = fault;
    for (const waiting of this.line.splice(0)) waiting.answer.reject(fault);
  }

  private join(frame: RequestFrame, onProgress?: Waiting['onProgress']): Waiting {
    const waiting: Waiting = { frame, answer: Promise.withResolvers(), onProgress };
    if (this.ended) waiting.answer.reject(this.ended);
    else if (this.line.push(waiting) === 1) this.sendFirst();
    return waiting;
  }

  private sendFirst(): void {
    if (this.line[0]) this.wires.send(this.line[0].frame);
  }

  /** One that waits leaves at once; the running one is asked to stop, and killed if it does not. */
  private withdraw(waiting: Waiting): () => void {
    const fault = new EngineFault('canceled', 'canceled by its requester');
    const place = this.line.indexOf(waiting);
    if (place === 0) {
      this.wires.send({ kind: 'cancel', id: waiting.frame.id });
      return this.wires.clock.after(timings.engineCancelMs, () => {
        waiting.answer.reject(fault);
        this.wires.kill();
      });
    }
    if (place > 0) this.line.splice(place, 1);
    waiting.answer.reject(fault);
    return () => {};
  }
}
