// A graph that the toolkit cut into parts (`export-diffusers --part-mb`): `parts.json` stands in the place of `model.onnx`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';
import { readText } from './read-json.ts';

const PARTS_FILE = 'parts.json';

export interface GraphParts {
  /** In the order in which they run. */
  readonly files: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** @param path of the whole graph's file @returns null for a graph that is whole @throws EngineFault `load_failed` */
export async function readGraphParts(path: string): Promise<GraphParts | null> {
  const folder = dirname(path);
  const file = join(folder, PARTS_FILE);
  if (!existsSync(file)) return null;
  // Few graphs are cut, and the validator takes about 10 MB of an engine that loads it.
  const { Parts } = await import('./graph-parts-schema.ts');
  const text = await readText(file);
  try {
    const { parts, inputs, outputs } = Parts.parse(JSON.parse(text));
    return { files: parts.map((name) => join(folder, name)), inputs, outputs };
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: ${messageOf(cause)}`, { cause });
  }
}

/** The files that hold the graph: its parts, or itself. @throws EngineFault `load_failed` */
export const filesOfGraph = async (path: string): Promise<readonly string[]> =>
  (await readGraphParts(path))?.files ?? [path];
