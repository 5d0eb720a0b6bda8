// Server-sent events (HTML standard, section 9.2): every change, from the store, in its order. A reader that was cut off
// says which one it saw last (Last-Event-ID) and misses nothing that is still kept.
import { once } from 'node:events';
import type { Response } from 'express';
import { limits } from '../../shared/limits.ts';
import * as events from '../store/events.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

const AT_ONCE = 500;
const HEARTBEAT_MS = 15_000;
/** A reader that is this far behind is cut off; it may come back and go on. */
const MAX_UNSENT_BYTES = limits.httpJsonBytes;

export interface EventStreams {
  readonly handlers: Pick<Handlers, 'events'>;
  /** Ends all of them. */
  end(): void;
}

export function eventStreams(world: World): EventStreams {
  const { store, clock } = world;
  const open = new Set<Response>();
  return {
    handlers: {
      events: async ({ request, response }) => {
        const seen = Number(request.headers['last-event-id'] ?? Number.NaN);
        const from = Number.isSafeInteger(seen) ? seen : await events.newestSequence(store.db);
        response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
        response.flushHeaders();
        response.write(': every change from here on\n\n');
        open.add(response);
        const stop = follow(response, from);
        await once(response, 'close');
        stop();
        open.delete(response);
        return undefined;
      },
    },
    end: () => {
      for (const response of open) response.end();
    },
  };

  /** Writes what comes after `from` as it is committed. @returns what ends it */
  function follow(response: Response, from: number): () => void {
    let at = from;
    let busy = false;
    let again = false;
    const pump = async () => {
      again = true;
      if (busy) return;
      busy = true;
      try {
        while (again && !response.destroyed) {
          again = false;
          const news = await events.after(store.db, at, AT_ONCE);
          for (const { sequence, ...event } of news) {
            response.write(`id: ${sequence}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
            at = sequence;
          }
          if (news.length === AT_ONCE) again = true;
          if (response.writableLength > MAX_UNSENT_BYTES) response.destroy();
        }
      } catch (error) {
        world.log('error', 'an event stream failed', { error: (error as Error).message });
        response.destroy();
      } finally {
        busy = false;
      }
    };
    let cancelBeat = () => {};
    const beat = () => {
      response.write(': still here\n\n');
      cancelBeat = clock.after(HEARTBEAT_MS, beat);
    };
    cancelBeat = clock.after(HEARTBEAT_MS, beat);
    const stopListening = store.committed.listen(() => void pump());
    void pump();
    return () => {
      cancelBeat();
      stopListening();
    };
  }
}
