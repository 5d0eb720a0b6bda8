// The version's own judge: says what a picture shows, head by head.
import { messageOf } from '../../shared/errors.ts';
import { EvaluatorConfig } from '../../shared/evaluation-files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { EngineFault } from './fault.ts';
import { type Graph, loadGraph } from './graph.ts';
import { rgbToPlanes } from './pixels.ts';
import type { RgbPicture } from './png.ts';
import { readJson } from './read-json.ts';
import { decodePng } from './read-png.ts';

export interface Evaluator {
  /** Head → label found in the picture. @throws EngineFault `invalid_request` for a picture of another kind or size */
  evaluate(png: Uint8Array): Promise<Record<string, string>>;
}

/** @param files absolute paths of the graph and its EvaluatorConfig */
export async function loadEvaluator(options: {
  readonly files: { readonly graph: string; readonly config: string };
  readonly runtime: Runtime;
  readonly threads: number;
}): Promise<Evaluator> {
  const { files, runtime, threads } = options;
  const parsed = EvaluatorConfig.safeParse(await readJson(files.config));
  if (!parsed.success) throw new EngineFault('load_failed', `${files.config}: ${parsed.error.message}`);
  const config = parsed.data;
  const graph = await loadGraph(runtime, files.graph, {
    threads,
    inputs: [config.input.name],
    outputs: config.heads.map(({ output }) => output),
  });
  return { evaluate: (png) => evaluate(graph, config, readPicture(png, config)) };
}

function readPicture(png: Uint8Array, { input }: EvaluatorConfig): RgbPicture {
  let picture: RgbPicture;
  try {
    picture = decodePng(png);
  } catch (cause) {
    throw new EngineFault('invalid_request', `picture: ${messageOf(cause)}`, { cause });
  }
  if (picture.width !== input.width || picture.height !== input.height)
    throw new EngineFault(
      'invalid_request',
      `picture: ${picture.width}x${picture.height}, the evaluator looks at ${input.width}x${input.height}`,
    );
  return picture;
}

async function evaluate(graph: Graph, { input, heads }: EvaluatorConfig, picture: RgbPicture) {
  const dims = [1, 3, input.height, input.width];
  const data = rgbToPlanes(picture, input.scale, input.offset);
  const outputs = await graph.run({ [input.name]: { type: 'float32', dims, data } });
  return Object.fromEntries(
    heads.map(({ name, output, labels }) => {
      const logits = outputs.float32(output).data;
      if (logits.length !== labels.length)
        throw new EngineFault(
          'run_failed',
          `${graph.path}: ${output} holds ${logits.length} values for ${labels.length} labels`,
        );
      return [name, labels[argMax(logits)] as string];
    }),
  );
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
