// A runtime that remembers which graphs are open, and opens them with the engine's own settings.
import type { Runtime, Session, SessionOptions } from '../runtime/runtime.ts';

export interface TrackedRuntime extends Runtime {
  /** Path of the graph file → its session. */
  readonly open: ReadonlyMap<string, Session>;
}

/** @param settings what a pipeline does not decide */
export function trackSessions(runtime: Runtime, settings: Partial<SessionOptions>): TrackedRuntime {
  const open = new Map<string, Session>();
  return {
    ...runtime,
    open,
    async load(path, options) {
      const session = await runtime.load(path, { ...settings, ...options });
      open.set(path, session);
      return {
        ...session,
        close() {
          open.delete(path);
          return session.close();
        },
      };
    },
  };
}
