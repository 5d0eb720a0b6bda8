// A batch as its single pictures, for streams that compute several at once.
import type { Tensor } from '../runtime.ts';

type Feeds = Readonly<Record<string, Tensor>>;

/** Places of tokens, which have as many rows as there are tokens, whatever the batch. */
const WITHOUT_BATCH = /^(img|txt)_ids$/;

/**
 * The feeds of each picture, in order; what all share (one row, a scalar, places of tokens) is fed to each.
 *
 * @param isFree whether an input takes other numbers of rows than one
 * @returns the feeds as they are where they are no batch, or cannot be told apart
 */
export function splitBatch(feeds: Feeds, isFree: (name: string) => boolean): readonly Feeds[] {
  const batched = Object.entries(feeds).filter(([name, { dims }]) => !WITHOUT_BATCH.test(name) && (dims[0] ?? 1) > 1);
  const pictures = batched[0]?.[1].dims[0] ?? 1;
  if (pictures === 1 || batched.some(([name, { dims }]) => dims[0] !== pictures || !isFree(name))) return [feeds];
  return Array.from({ length: pictures }, (_, i) => ({
    ...feeds,
    ...Object.fromEntries(batched.map(([name, tensor]) => [name, rowOf(tensor, i, pictures)])),
  }));
}

function rowOf({ type, dims, data }: Tensor, index: number, rows: number): Tensor {
  const length = data.length / rows;
  return { type, dims: [1, ...dims.slice(1)], data: data.subarray(index * length, (index + 1) * length) };
}

/** The outputs of single pictures as those of their batch. */
export function joinBatch(parts: readonly Readonly<Record<string, Tensor>>[]): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(parts[0] ?? {}).map(([name, first]) => {
      const Holder = first.data.constructor as new (length: number) => typeof first.data;
      const data = new Holder(first.data.length * parts.length);
      for (const [i, part] of parts.entries()) data.set((part[name] as Tensor).data as never, i * first.data.length);
      return [name, { type: first.type, dims: [parts.length * (first.dims[0] ?? 1), ...first.dims.slice(1)], data }];
    }),
  );
}
