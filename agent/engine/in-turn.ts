// Parts held one at a time, where they do not fit together: a graph is opened when it runs, and closed when another one
// runs. The pipeline sees sessions as always; a step of the same part opens nothing anew.
import type { Runtime, Session } from '../runtime/runtime.ts';

/** @param trim gives back what a part has left of itself: what it was read into once it is loaded, all once it is closed */
export function holdInTurn<R extends Runtime>(runtime: R, trim: () => void = () => {}): R {
  let held: { readonly path: string; readonly session: Session } | null = null;
  const release = async () => {
    const present = held;
    held = null;
    if (!present) return;
    await present.session.close();
    trim();
  };
  return {
    ...runtime,
    async load(path, options) {
      const open = async () => {
        if (held?.path === path) return held.session;
        await release();
        const session = await runtime.load(path, options);
        trim();
        held = { path, session };
        return session;
      };
      // Loaded once now: what it takes and gives must be known, and a damaged graph must not wait for its turn.
      const { inputs, outputs, kernels } = await open();
      return {
        inputs,
        outputs,
        run: async (feeds) => (await open()).run(feeds),
        ...(kernels && { kernels: async () => (await open()).kernels?.() ?? [] }),
        async close() {
          if (held?.path === path) await release();
        },
      };
    },
  };
}
