// A graph that the toolkit cut into parts (`export-diffusers --part-mb`): `parts.json` stands in the place of `model.onnx`.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { EngineFault } from './fault.ts';

const PARTS_FILE = 'parts.json';
/** A name within the folder, whatever a manifest says. */
const PartName = z.string().regex(/^part_\d{1,4}\.onnx$/);
const Parts = z.looseObject({
  parts: z.array(PartName).min(1).max(limits.graphParts),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
});

export interface GraphParts {
  /** In the order in which they run. */
  readonly files: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** @param path of the whole graph's file @returns null for a graph that is whole @throws EngineFault `load_failed` */
export function readGraphParts(path: string): GraphParts | null {
  const folder = dirname(path);
  const file = join(folder, PARTS_FILE);
  if (!existsSync(file)) return null;
  try {
    const { parts, inputs, outputs } = Parts.parse(JSON.parse(readFileSync(file, 'utf8')));
    return { files: parts.map((name) => join(folder, name)), inputs, outputs };
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: ${messageOf(cause)}`, { cause });
  }
}

/** The files that hold the graph: its parts, or itself. @throws EngineFault `load_failed` */
export const filesOfGraph = (path: string): readonly string[] => readGraphParts(path)?.files ?? [path];
