// Requests of one engine, in line: one is with the child, the others wait here, where they can be taken back at once.
import type { Clock } from '../../shared/clock.ts';
import { timings } from '../../shared/limits.ts';
import type { PictureRequest, StageProgress } from '../pipeline/pipeline.ts';
import { EngineFault, type GeneratedPicture } from './engine.ts';
import type { ToChild, ToParent } from './frames.ts';

interface Waiting {
  readonly id: number;
  readonly frame: Extract<ToChild, { id: number }>;
  readonly answer: PromiseWithResolvers<ToParent>;
  readonly onProgress?: ((progress: StageProgress) => void) | undefined;
}

interface Hooks {
  readonly onProgress?: (progress: StageProgress) => void;
  readonly signal?: AbortSignal;
}

export interface RequestLine {
  generate(request: PictureRequest, hooks: Hooks): Promise<GeneratedPicture>;
  evaluate(png: Uint8Array): Promise<Readonly<Record<string, string>>>;
  receive(frame: ToParent): void;
  /** Rejects whatever waits, and everything that comes later. */
  fail(fault: EngineFault): void;
}

export function createRequestLine(options: {
  readonly clock: Clock;
  readonly send: (frame: ToChild) => void;
  readonly kill: () => void;
}): RequestLine {
  const { clock, send, kill } = options;
  const line: Waiting[] = [];
  let nextId = 1;
  let ended: EngineFault | null = null;

  const sendFirst = () => {
    if (line[0]) send(line[0].frame);
  };
  const settle = (id: number): Waiting | null => {
    if (line[0]?.id !== id) return null;
    const settled = line.shift() ?? null;
    sendFirst();
    return settled;
  };
  const request = (frame: Waiting['frame'], onProgress?: Waiting['onProgress']): Waiting => {
    const waiting: Waiting = { id: frame.id, frame, answer: Promise.withResolvers(), onProgress };
    if (ended) waiting.answer.reject(ended);
    else if (line.push(waiting) === 1) sendFirst();
    return waiting;
  };
  const withdraw = (waiting: Waiting): (() => void) => {
    const fault = new EngineFault('canceled', 'canceled by its requester');
    const place = line.indexOf(waiting);
    if (place !== 0) {
      if (place > 0) line.splice(place, 1);
      waiting.answer.reject(fault);
      return () => {};
    }
    send({ kind: 'cancel', id: waiting.id });
    return clock.after(timings.engineCancelMs, () => {
      waiting.answer.reject(fault);
      kill();
    });
  };

  return {
    async generate(wanted, { onProgress, signal }) {
      if (signal?.aborted) throw new EngineFault('canceled', 'canceled before it began');
      const waiting = request({ kind: 'generate', id: nextId++, request: wanted, progress: !!onProgress }, onProgress);
      let stopWaiting = () => {};
      const onAbort = () => {
        stopWaiting = withdraw(waiting);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        const frame = await waiting.answer.promise;
        if (frame.kind !== 'picture') throw new EngineFault('run_failed', `answered a picture with ${frame.kind}`);
        return frame.picture;
      } finally {
        stopWaiting();
        signal?.removeEventListener('abort', onAbort);
      }
    },
    async evaluate(png) {
      const frame = await request({ kind: 'evaluate', id: nextId++, png }).answer.promise;
      if (frame.kind !== 'found') throw new EngineFault('run_failed', `answered an evaluation with ${frame.kind}`);
      return frame.labels;
    },
    receive(frame) {
      if (frame.kind === 'ready') return;
      if (frame.kind === 'progress') {
        if (line[0]?.id === frame.id) line[0].onProgress?.(frame.progress);
        return;
      }
      const waiting = frame.id === null ? null : settle(frame.id);
      if (frame.kind === 'fault') waiting?.answer.reject(new EngineFault(frame.code, frame.message));
      else waiting?.answer.resolve(frame);
    },
    fail(fault) {
      ended = fault;
      for (const waiting of line.splice(0)) waiting.answer.reject(fault);
    },
  };
}
