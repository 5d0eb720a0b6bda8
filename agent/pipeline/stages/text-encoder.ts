// A tokenizer and the encoder that reads its ids.
import { join } from 'node:path';
import type { Runtime } from '../../runtime/runtime.ts';
import { EngineFault } from '../fault.ts';
import { loadGraph, type Outputs, requireDims, tensorFor } from '../graph.ts';
import { readJson } from '../read-json.ts';
import type { ReadText } from './prompt-cuts.ts';
import { loadTextTokenizer } from './text-tokenizer.ts';

export interface TextEncoder {
  /** Takes a text apart. */
  read(text: string): ReadText;
  encode(text: ReadText): Promise<Outputs>;
}

export interface PartOptions {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly threads: number;
}

/**
 * @param at the components' folders, the outputs that are read, and the length, else the tokenizer's own
 * @throws EngineFault `load_failed`
 */
export async function loadTextEncoder(
  { folder, runtime, threads }: PartOptions,
  at: {
    readonly tokenizer: string;
    readonly encoder: string;
    readonly outputs: readonly string[];
    readonly length?: number;
  },
): Promise<TextEncoder> {
  const tokenizer = await loadTextTokenizer(join(folder, at.tokenizer));
  const graph = await loadGraph(runtime, join(folder, at.encoder, runtime.graphFile), {
    threads,
    inputs: ['input_ids'],
    outputs: at.outputs,
  });
  requireDims(graph, 'input_ids', [null, null]);
  const length = at.length ?? tokenizer.longest ?? (await positionsOf(join(folder, at.encoder, 'config.json')));
  return {
    read: (text) => ({ encoder: at.encoder, length, ...tokenizer.encode(text, length) }),
    encode: ({ ids }) => graph.run({ input_ids: tensorFor(graph, 'input_ids', Array.from(ids, Number), [1, length]) }),
  };
}

/** The last hidden state but one, which SDXL and SD3 read: one is kept more than there are layers. */
export async function penultimate(folder: string, encoder: string): Promise<string> {
  const file = join(folder, encoder, 'config.json');
  const { num_hidden_layers: layers } = await readJson(file);
  if (typeof layers === 'number' && Number.isInteger(layers) && layers >= 1) return `hidden_states.${layers - 1}`;
  throw new EngineFault('load_failed', `${file}: num_hidden_layers is ${JSON.stringify(layers)}`);
}

async function positionsOf(file: string): Promise<number> {
  const { max_position_embeddings: positions } = await readJson(file);
  if (typeof positions === 'number' && Number.isInteger(positions) && positions >= 1 && positions <= 4096)
    return positions;
  throw new EngineFault('load_failed', `${file}: max_position_embeddings is ${JSON.stringify(positions)}`);
}
