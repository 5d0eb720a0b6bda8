// Prompts repeat, and their encodings with them: the outputs of text encoders are kept, within a bound, and used again
// unless the request is a measurement. What was reused is counted, so that a fast answer is no riddle.
import { basename, dirname } from 'node:path';
import type { Runtime, Tensor } from '../runtime/runtime.ts';

type Outputs = Readonly<Record<string, Tensor>>;

const MOST_BYTES = 16 * 1024 * 1024;

export interface RememberingRuntime<R extends Runtime> {
  readonly runtime: R;
  /** Begins a request. @param fresh nothing may be reused or kept */
  begin(fresh: boolean): void;
  /** Encodings that the request reused. */
  reused(): number;
}

export function rememberEmbeddings<R extends Runtime>(runtime: R): RememberingRuntime<R> {
  const kept = new Map<string, Outputs>();
  let bytes = 0;
  let request = { fresh: false, reused: 0 };
  const keep = (key: string, outputs: Outputs) => {
    kept.set(key, outputs);
    bytes += sizeOf(outputs);
    for (const [oldest, tensors] of kept) {
      if (bytes <= MOST_BYTES) break;
      kept.delete(oldest);
      bytes -= sizeOf(tensors);
    }
  };
  return {
    runtime: {
      ...runtime,
      async load(path, options) {
        const session = await runtime.load(path, options);
        if (!basename(dirname(path)).startsWith('text_encoder')) return session;
        return {
          ...session,
          async run(feeds) {
            if (request.fresh) return session.run(feeds);
            const key = keyOf(path, feeds);
            const known = kept.get(key);
            if (known) {
              request.reused++;
              kept.delete(key);
              kept.set(key, known);
              return copyOf(known);
            }
            const outputs = await session.run(feeds);
            keep(key, copyOf(outputs));
            return outputs;
          },
        };
      },
    },
    begin: (fresh) => {
      request = { fresh, reused: 0 };
    },
    reused: () => request.reused,
  };
}

/** The bytes that go in, whole: a hash might find another prompt's encoding. */
function keyOf(path: string, feeds: Outputs): string {
  const parts = Object.entries(feeds).map(
    ([name, { dims, data }]) =>
      `${name} ${dims} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')}`,
  );
  return [path, ...parts].join('\n');
}

const sizeOf = (outputs: Outputs): number => Object.values(outputs).reduce((sum, { data }) => sum + data.byteLength, 0);

/** A pipeline may change what it is given. Some runtimes' tensors are more than plain data, so the fields are named. */
function copyOf(outputs: Outputs): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, dims, data }]) => [name, { type, dims, data: data.slice() }]),
  );
}
