// The transformers of flow matching (SD3Transformer2DModel, FluxTransformer2DModel) as graphs.
import { join } from 'node:path';
import type { Tensor } from '../../runtime/runtime.ts';
import { EngineFault } from '../fault.ts';
import { type Graph, loadGraph } from '../graph.ts';
import { readJson } from '../read-json.ts';
import { fixedBatch, toEach } from './batch.ts';
import type { PartOptions } from './text-encoder.ts';

export interface Transformer {
  readonly graph: Graph;
  /** @throws EngineFault `load_failed` unless the setting is a whole number from 1 up */
  count(setting: string): number;
  readonly config: Readonly<Record<string, unknown>>;
  /** How many pictures its graph takes at a time; null for any number. */
  readonly fixedBatch: number | null;
  /**
   * @param feeds of which `hidden_states` may be of several pictures, and the others of one
   * @param shared what is said of all pictures at once
   * @throws EngineFault `run_failed`; also when the answer is of another size than the question
   */
  predict(
    feeds: Readonly<Record<'hidden_states' | (string & {}), Tensor>>,
    shared?: Readonly<Record<string, Tensor>>,
  ): Promise<Float32Array>;
}

/**
 * @param inputs names, from the settings of its config.json
 * @param optional names of inputs that not all exports have
 * @throws EngineFault `load_failed`
 */
export async function loadTransformer(
  { folder, runtime, threads }: PartOptions,
  inputs: (config: Readonly<Record<string, unknown>>) => readonly string[],
  optional: readonly string[] = [],
): Promise<Transformer> {
  const file = join(folder, 'transformer', 'config.json');
  const config = await readJson(file);
  const graph = await loadGraph(runtime, join(folder, 'transformer', runtime.graphFile), {
    threads,
    inputs: inputs(config),
    optional,
    outputs: [],
  });
  const answer = answerOf(graph);
  return {
    graph,
    config,
    count(setting) {
      const value = config[setting];
      if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_536) return value;
      throw new EngineFault('load_failed', `${file}: ${setting} is ${JSON.stringify(value)}; expected a whole number`);
    },
    fixedBatch: fixedBatch(graph, 'hidden_states'),
    async predict(feeds, shared = {}) {
      const given = { ...toEach(graph, feeds, feeds.hidden_states.dims[0] ?? 1), ...shared };
      const { data } = (await graph.run(given)).float32(answer);
      const asked = feeds.hidden_states.data.length;
      if (data.length === asked) return data;
      throw new EngineFault('run_failed', `${graph.path}: ${answer} holds ${data.length} values, not ${asked}`);
    },
  };
}

/** optimum-onnx and the toolkit name it one way, optimum-intel the others. */
const ANSWERS = ['out_hidden_states', 'out_sample', 'sample'];

function answerOf({ path, session }: Graph): string {
  const names = session.outputs.map(({ name }) => name);
  const found = ANSWERS.find((name) => names.includes(name));
  if (found !== undefined) return found;
  throw new EngineFault('load_failed', `${path}: has no output ${ANSWERS.join(' or ')}, only ${names.join(', ')}`);
}
