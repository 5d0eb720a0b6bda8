// A runtime that merges LoRA adapters into the graphs that it loads.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { EngineFault } from '../fault.ts';
import { readJson } from '../read-json.ts';
import { type Change, changesOf } from './adapter-changes.ts';
import { mergeIntoIr } from './merge-into-ir.ts';
import { mergeIntoOnnx } from './merge-into-onnx.ts';
import { readSafetensors } from './read-safetensors.ts';
import { fromSgm } from './sgm-names.ts';

export interface AdapterFile {
  /** Absolute, of a safetensors file. */
  readonly path: string;
  /** How much of it. */
  readonly scale: number;
}

export interface AdaptedRuntime<R extends Runtime> {
  readonly runtime: R;
  /** @throws EngineFault `load_failed` where a graph does not expose what an adapter changes */
  requireAllMerged(): void;
}

/** Folders of what adapters call the denoiser. */
export const DENOISERS: readonly string[] = ['unet', 'transformer'];

/** @throws EngineFault `load_failed` that names the file */
export async function withAdapters<R extends Runtime>(
  runtime: R,
  files: readonly AdapterFile[],
): Promise<AdaptedRuntime<R>> {
  const merge = runtime.graphFile === 'model.onnx' ? mergeIntoOnnx : mergeIntoIr;
  const changes: Change[] = [];
  for (const file of files) changes.push(...(await readAdapter(file)));
  const left = new Set(changes);
  return {
    runtime: {
      ...runtime,
      async load(path, options) {
        const folder = dirname(path);
        const part = DENOISERS.includes(basename(folder)) ? 'denoiser' : basename(folder);
        const own = changes.filter((change) => change.part === part);
        if (own.length === 0) return runtime.load(path, options);
        const layers = await layersPerBlock(folder);
        const named = new Map(own.map((change) => [{ ...change, module: fromSgm(change.module, layers) }, change]));
        const found = merge(path, [...named.keys()]);
        for (const each of found?.used ?? []) left.delete(named.get(each) as Change);
        return runtime.load(path, found ? { ...options, merged: found.merged } : options);
      },
    },
    requireAllMerged() {
      const [first] = left;
      if (!first) return;
      throw new EngineFault(
        'load_failed',
        `${left.size} of the ${changes.length} weights that the LoRA changes are not exposed by these graphs, such as ` +
          `${first.part} ${first.module}; it is for another model, or the graphs do not name their modules or store int8`,
      );
    },
  };
}

/** @throws EngineFault `load_failed` that names the file */
export async function readAdapter({ path, scale }: AdapterFile): Promise<Change[]> {
  try {
    return changesOf(readSafetensors(await readFile(path))).map((each) => ({ ...each, scale: each.scale * scale }));
  } catch (cause) {
    throw new EngineFault('load_failed', `${path}: ${messageOf(cause)}`, { cause });
  }
}

async function layersPerBlock(folder: string): Promise<number> {
  const file = join(folder, 'config.json');
  const layers = existsSync(file) ? (await readJson(file)).layers_per_block : undefined;
  return typeof layers === 'number' ? layers : 2;
}
