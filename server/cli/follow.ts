// Follows something on the server: asks at once, again after each event that concerns it, and at intervals anyway, so
// that a lost event stream only makes it slower. A server that restarts meanwhile is waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { StillError } from '../../shared/errors.ts';
import { EventView } from '../../shared/http-api.ts';
import type { Client } from './client.ts';

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly concerns: (event: EventView) => boolean;
  /** The longest time between two questions. */
  readonly everyMs: number;
  /** The shortest time between two questions, however many events come. */
  readonly restMs?: number;
  /** How long the server may be away before that is an error. */
  readonly patienceMs?: number;
}

/** Yields every answer until the caller breaks off; ends when `signal` is aborted. */
export async function* follow<T>(client: Client, ask: () => Promise<T>, options: FollowOptions): AsyncGenerator<T> {
  const { everyMs, restMs = 0, patienceMs = 60_000 } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const bell = new Bell(signal);
  const listening = listen(client, signal, (event) => options.concerns(event) && bell.ring());
  let lastAnswerMs = performance.now();
  try {
    while (!signal.aborted) {
      const answer = await ask().catch((error: unknown) => {
        const away = error instanceof StillError && error.code === 'unavailable';
        if (!away || performance.now() - lastAnswerMs > patienceMs) throw error;
        return undefined;
      });
      if (answer !== undefined) {
        lastAnswerMs = performance.now();
        yield answer;
      }
      if (restMs > 0) await sleep(restMs, undefined, { signal }).catch(() => undefined);
      await bell.wait(everyMs);
    }
  } finally {
    over.abort();
    await listening;
  }
}

/** Every event of the server, in order, until `signal` is aborted; opens the stream again when it breaks. */
async function listen(client: Client, signal: AbortSignal, heard: (event: EventView) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of events(client, signal)) heard(event);
    } catch {
      // The questions at intervals go on and report what is wrong; this stream only makes them quicker.
    }
    await sleep(1000, undefined, { signal }).catch(() => undefined);
  }
}

/** One event stream, until it ends. */
export async function* events(client: Client, signal: AbortSignal): AsyncGenerator<EventView> {
  const stream = await client.eventStream(signal);
  const parsed = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of parsed) {
    const event = EventView.safeParse(JSON.parse(data));
    if (event.success) yield event.data;
  }
}

class Bell {
  private rung = false;
  private wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.ring(), { once: true });
  }

  ring(): void {
    this.rung = true;
    this.wake();
  }

  async wait(ms: number): Promise<void> {
    if (!this.rung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
    }
    this.rung = false;
  }
}
