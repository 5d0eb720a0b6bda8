// A folder becomes what an engine can launch: a version's by its manifest, any other by what its files say.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, StillError } from '../shared/errors.ts';
import {
  inferencePrecisionOf,
  inferencePrecisionsOf,
  instructionSetsFor,
  variantName,
} from '../shared/inference-precision.ts';
import { instructionSetFault, type Processor } from '../shared/instruction-set.ts';
import { type InferencePrecision, Manifest, type Variant } from '../shared/manifest.ts';
import type { LaunchSpec } from './engine/engine.ts';
import { readProcessor } from './measure/cpu-features.ts';
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
    readonly inferencePrecision: InferencePrecision;
    /** What this machine can compute the folder in. */
    readonly inferencePrecisions: readonly InferencePrecision[];
    readonly parameters: number;
    readonly defaults: PictureDefaults;
  };
  /** Peak that the publisher measured; 0 where nobody did. */
  readonly publishedPeakBytes: number;
}

/**
 * @param wanted a variant's name
 * @param inferencePrecision of a folder without a manifest, whose variants say it
 * @throws StillError `invalid_input`, `unprocessable` where this processor does not run it; EngineFault `load_failed`
 */
export async function openFolder(
  folder: string,
  wanted: string | undefined,
  inferencePrecision?: InferencePrecision,
): Promise<OpenedFolder> {
  return existsSync(join(folder, 'manifest.json'))
    ? openVersion(folder, wanted, inferencePrecision)
    : openPipeline(folder, wanted, inferencePrecision);
}

async function openVersion(
  folder: string,
  wanted: string | undefined,
  inferencePrecision: InferencePrecision | undefined,
): Promise<OpenedFolder> {
  const file = join(folder, 'manifest.json');
  if (inferencePrecision !== undefined)
    throw new StillError('invalid_input', `--inference-precision: ${file} says it by variant; --variant chooses one`);
  const manifest = parse(await readText(file), file);
  const variant = manifest.variants.find(({ name }) => wanted === undefined || name === wanted);
  const names = manifest.variants.map(({ name }) => name).join(', ');
  if (!variant) throw new StillError('invalid_input', `${file} has no variant "${wanted}"; it has ${names}`);
  const { name, runtime, precision, parameters, steps, guidanceScale, resolution } = variant;
  const defaults = { steps, guidanceScale, width: resolution.width, height: resolution.height };
  const pipeline = String(manifest.pipeline._class_name);
  const processor = await readProcessor();
  const others = manifest.variants.filter((each) => instructionSetFault(each, processor) === null);
  const remedy = others.length > 0 ? `--variant ${others.map((each) => each.name).join(' or ')} runs here` : null;
  const computed = computedHere(variant, { processor, remedy });
  const told = { pipeline, variant: name, runtime, precision, ...computed, parameters, defaults };
  return { spec: { folder, manifest, variant }, told, publishedPeakBytes: variant.measured.peakRssBytes };
}

async function openPipeline(
  folder: string,
  wanted: string | undefined,
  inferencePrecision: InferencePrecision | undefined,
): Promise<OpenedFolder> {
  const { pipeline, runtime, precision, parameters, defaults } = await readFolder(folder);
  const computes = { ...{ runtime, precision }, ...(inferencePrecision && { inferencePrecision }) };
  const name = variantName(computes);
  if (wanted !== undefined && wanted !== name)
    throw new StillError('invalid_input', `${folder} has no variant "${wanted}"; it is ${name}`);
  const { steps, guidanceScale, width, height } = defaults;
  const variant = { ...computes, folder: '.', steps, guidanceScale, resolution: { width, height } };
  const needed = instructionSetsFor(inferencePrecision ?? 'f32');
  const here = { processor: await readProcessor(), remedy: '--inference-precision f32 runs here' };
  const computed = computedHere({ ...computes, name, ...needed }, here);
  const told = { pipeline, variant: name, runtime, precision, ...computed, parameters, defaults };
  return { spec: { folder, manifest: {}, variant }, told, publishedPeakBytes: 0 };
}

/** @throws StillError `unprocessable` where it computes in what its runtime or this processor does not */
function computedHere(
  variant: Pick<Variant, 'name' | 'runtime' | 'precision' | 'inferencePrecision' | 'instructionSets'>,
  { processor, remedy }: { readonly processor: Processor; readonly remedy: string | null },
) {
  const { runtime } = variant;
  const inferencePrecision = inferencePrecisionOf(variant);
  if (runtime === 'onnxruntime' && inferencePrecision !== 'f32')
    throw new StillError(
      'unprocessable',
      `${variant.name}: ONNX Runtime computes in f32; a folder that is exported for OpenVINO computes in ${inferencePrecision}`,
    );
  const unsupported = instructionSetFault(variant, processor);
  if (unsupported) throw new StillError('unprocessable', [unsupported, ...(remedy ? [remedy] : [])].join('; '));
  return { inferencePrecision, inferencePrecisions: inferencePrecisionsOf(runtime, processor) };
}

function parse(text: string, file: string): Manifest {
  try {
    return Manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new StillError('invalid_input', `${file}: ${messageOf(cause).slice(0, 500)}`, { cause });
  }
}
