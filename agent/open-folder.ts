// A folder becomes what an engine can launch: a version's by its manifest, any other by what its files say.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, StillError } from '../shared/errors.ts';
import { Manifest, type Variant } from '../shared/manifest.ts';
import type { LaunchSpec } from './engine/engine.ts';
import type { PictureDefaults } from './pipeline/pipeline.ts';
import { readFolder } from './pipeline/read-folder.ts';
import { readText } from './pipeline/read-json.ts';

export interface OpenedFolder {
  readonly spec: LaunchSpec;
  readonly told: {
    readonly pipeline: string;
    readonly variant: string;
    readonly runtime: Variant['runtime'];
    readonly precision: Variant['precision'];
    readonly parameters: number;
    readonly defaults: PictureDefaults;
  };
  /** Peak that the publisher measured; 0 where nobody did. */
  readonly publishedPeakBytes: number;
}

/** @param wanted a variant's name @throws StillError `invalid_input`, EngineFault `load_failed` */
export async function openFolder(folder: string, wanted: string | undefined): Promise<OpenedFolder> {
  return existsSync(join(folder, 'manifest.json')) ? openVersion(folder, wanted) : openPipeline(folder, wanted);
}

async function openVersion(folder: string, wanted: string | undefined): Promise<OpenedFolder> {
  const file = join(folder, 'manifest.json');
  const manifest = parse(await readText(file), file);
  const variant = manifest.variants.find(({ name }) => wanted === undefined || name === wanted);
  const names = manifest.variants.map(({ name }) => name).join(', ');
  if (!variant) throw new StillError('invalid_input', `${file} has no variant "${wanted}"; it has ${names}`);
  const { name, runtime, precision, parameters, steps, guidanceScale, resolution } = variant;
  const defaults = { steps, guidanceScale, width: resolution.width, height: resolution.height };
  const pipeline = String(manifest.pipeline._class_name);
  const told = { pipeline, variant: name, runtime, precision, parameters, defaults };
  return { spec: { folder, manifest, variant }, told, publishedPeakBytes: variant.measured.peakRssBytes };
}

async function openPipeline(folder: string, wanted: string | undefined): Promise<OpenedFolder> {
  const { pipeline, runtime, precision, parameters, defaults } = await readFolder(folder);
  const name = `${runtime}-${precision}`;
  if (wanted !== undefined && wanted !== name)
    throw new StillError('invalid_input', `${folder} has no variant "${wanted}"; it is ${name}`);
  const { steps, guidanceScale, width, height } = defaults;
  const variant = { runtime, precision, folder: '.', steps, guidanceScale, resolution: { width, height } };
  const told = { pipeline, variant: name, runtime, precision, parameters, defaults };
  return { spec: { folder, manifest: {}, variant }, told, publishedPeakBytes: 0 };
}

function parse(text: string, file: string): Manifest {
  try {
    return Manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new StillError('invalid_input', `${file}: ${messageOf(cause).slice(0, 500)}`, { cause });
  }
}
