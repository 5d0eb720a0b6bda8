// Several pictures of one prompt in one run of the denoiser: what it is told once, it is told of each of them.
import { MOST_PICTURES } from '../../../shared/picture-series.ts';
import type { Tensor, TensorData } from '../../runtime/runtime.ts';
import { EngineFault } from '../fault.ts';
import type { Graph } from '../graph.ts';
import type { PictureRequest } from '../pipeline.ts';

/** How many pictures a graph takes, where its first dimension says so; null for any number. */
export function fixedBatch({ session }: Graph, input: string): number | null {
  const [declared] = session.inputs.find(({ name }) => name === input)?.dims ?? [];
  return typeof declared === 'number' ? declared : null;
}

/** @throws EngineFault `invalid_request` */
export function checkBatch({ batch = 1 }: Pick<PictureRequest, 'batch'>, fixed: number | null): void {
  if (!Number.isInteger(batch) || batch < 1 || batch > MOST_PICTURES)
    throw new EngineFault('invalid_request', `batch: ${batch} is not possible; expected 1 to ${MOST_PICTURES}`);
  if (batch === 1 || fixed === null || fixed === batch) return;
  const takes = `the denoiser's graph was exported for ${fixed} at a time`;
  const remedy = 'make them one after another, or export it anew with a free first dimension';
  throw new EngineFault('invalid_request', `batch: ${batch} pictures are not possible, ${takes}; ${remedy}`);
}

/** Repeats what is of one picture; an input that a graph declares for one is spread by the graph itself. */
export function toEach(
  { session }: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  batch: number,
): Readonly<Record<string, Tensor>> {
  if (batch === 1) return feeds;
  const ofOne = session.inputs.filter(({ name, dims }) => dims[0] !== 1 && feeds[name]?.dims[0] === 1);
  return { ...feeds, ...Object.fromEntries(ofOne.map(({ name }) => [name, repeated(feeds[name] as Tensor, batch)])) };
}

function repeated({ type, dims, data }: Tensor, count: number): Tensor {
  const Holder = data.constructor as new (length: number) => TensorData;
  const all = new Holder(data.length * count);
  for (let i = 0; i < count; i++) all.set(data as never, i * data.length);
  return { type, dims: [count, ...dims.slice(1)], data: all };
}
