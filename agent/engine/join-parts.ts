// A graph that was cut into parts runs as one: what a part gives is kept until the last part that reads it has run. Over
// `holdInTurn` one part is in memory at a time, so that a graph larger than memory runs, slowly.
import { type GraphParts, readGraphParts } from '../pipeline/graph-parts.ts';
import type { Runtime, Session, Tensor, TensorInfo } from '../runtime/runtime.ts';

export function joinParts<R extends Runtime>(runtime: R): R {
  return {
    ...runtime,
    async load(path, options) {
      const parts = await readGraphParts(path);
      if (!parts) return runtime.load(path, options);
      const sessions: Session[] = [];
      for (const file of parts.files) sessions.push(await runtime.load(file, { ...options, lean: true }));
      return joined(sessions, parts);
    },
  };
}

function joined(sessions: readonly Session[], { inputs, outputs }: GraphParts): Session {
  const lastReader = new Map<string, number>();
  for (const [at, session] of sessions.entries()) for (const { name } of session.inputs) lastReader.set(name, at);
  for (const name of outputs) lastReader.set(name, sessions.length);
  return {
    inputs: named(inputs, (session) => session.inputs, sessions),
    outputs: named(outputs, (session) => session.outputs, sessions),
    async run(feeds) {
      const held = new Map<string, Tensor>(Object.entries(feeds));
      for (const [at, session] of sessions.entries()) {
        const given = await session.run(Object.fromEntries(session.inputs.map(({ name }) => [name, fed(held, name)])));
        for (const [name, tensor] of Object.entries(given)) held.set(name, tensor);
        for (const name of held.keys()) if ((lastReader.get(name) ?? -1) <= at) held.delete(name);
      }
      return Object.fromEntries(outputs.map((name) => [name, fed(held, name)]));
    },
    async close() {
      for (const session of sessions) await session.close();
    },
  };
}

function named(
  names: readonly string[],
  of: (session: Session) => readonly TensorInfo[],
  sessions: readonly Session[],
): TensorInfo[] {
  const known = sessions.flatMap(of);
  return names.flatMap((name) => known.find((tensor) => tensor.name === name) ?? []);
}

function fed(held: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = held.get(name);
  if (!tensor) throw new Error(`no part before gives "${name}"`);
  return tensor;
}
