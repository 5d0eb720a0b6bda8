// What of a variant's files counts for its memory: the graphs and their weights, by component.
import { posix } from 'node:path';
import type { MemoryComponent, MemoryFacts } from './rules/memory/predict-memory.ts';

export interface WeighedFile {
  /** With slashes, the component's folder last but one. */
  readonly path: string;
  readonly bytes: number;
}

/** What reads pictures is loaded by the first request that begins from one, and left out. */
export function weighFiles(
  all: readonly WeighedFile[],
): Pick<MemoryFacts, 'components' | 'graphBytes' | 'weightBytes' | 'decodes' | 'encoder'> {
  const graphs = all.filter(({ path }) => /\.(onnx|onnx_data|data|xml|bin)$/.test(path));
  const { encoders = [], files = [] } = Object.groupBy(graphs, ({ path }) =>
    posix.basename(posix.dirname(path)) === 'vae_encoder' ? 'encoders' : 'files',
  );
  const components = Object.entries(Object.groupBy(files, ({ path }) => componentOf(path)));
  const bytesOf = (some: readonly WeighedFile[]) => {
    const bytes = (ending: RegExp) =>
      some.filter(({ path }) => ending.test(path)).reduce((sum, file) => sum + file.bytes, 0);
    return { graphBytes: bytes(/\.xml$/), weightBytes: bytes(/(_data|\.data|\.bin)$/) };
  };
  return {
    components: components.map(([path, own = []]) => ({
      stage: stageOf(path),
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      ...bytesOf(own),
      followed: components.some(([other]) => comesAfter(other, path)),
    })),
    ...bytesOf(files),
    encoder: bytesOf(encoders),
    decodes: components.some(([component]) => component.includes('vae_decoder')),
  };
}

/** Of the graphs that adapters are merged into. */
export function weighAdapted(
  all: readonly WeighedFile[],
  adapters: readonly { readonly components: readonly string[] }[],
): MemoryFacts['adapted'] {
  const names = new Set(adapters.flatMap(({ components }) => components));
  const { components, weightBytes } = weighFiles(
    all.filter(({ path }) => names.has(posix.basename(posix.dirname(path)))),
  );
  const bytes = components.reduce((sum, component) => sum + component.bytes, 0);
  return { graphBytes: bytes - weightBytes, weightBytes };
}

/** By the folder, as diffusers names it. */
function stageOf(component: string): MemoryComponent['stage'] {
  const folder = component.split('/').findLast((name) => !name.startsWith('part_')) ?? '';
  if (folder.startsWith('text_encoder')) return 'encode';
  return folder === 'vae_decoder' ? 'decode' : 'denoise';
}

/** A part of a graph (`part_03.onnx`, its weights beside it) is held by itself. */
const componentOf = (path: string): string => /^(.*\/part_\d+)\.onnx/.exec(path)?.[1] ?? posix.dirname(path);

/** Of parts of one graph, whose numbers have as many digits as one another. */
function comesAfter(other: string, path: string): boolean {
  const isPart = posix.basename(path).startsWith('part_');
  return isPart && posix.dirname(other) === posix.dirname(path) && other > path;
}
