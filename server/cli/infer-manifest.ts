// A pipeline folder without a manifest becomes a version: `still run` makes one picture from it, which is the golden one and
// tells what the folder is, and every file that makes pictures is listed with its digests. What is computed in 16 bits is a
// variant of the same files and the same golden picture.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { messageOf, StillError } from '../../shared/errors.ts';
import { inferencePrecisionOf, instructionSetsFor, variantName } from '../../shared/inference-precision.ts';
import { ArtifactPath, InferencePrecision, Manifest, Precision, Runtime } from '../../shared/manifest.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { plural } from '../../shared/plural.ts';
import { describeArtifact } from './describe-artifact.ts';
import { licenceOf } from './licence-of.ts';
import { pipelineFiles } from './pipeline-files.ts';

/** What makes the picture: the command of a checkout, or the agent that was built beside the server. */
const PAINTERS = [
  { file: '../../shared/bin/still.js', words: ['run'] },
  { file: '../../agent/run-command.js', words: [] },
  { file: '../agent/run-command.js', words: [] },
].map(({ file, words }) => [fileURLToPath(new URL(file, import.meta.url)), ...words] as const);
const GOLDEN = { prompt: 'a red fox on a green hill', seed: 42 };
/** A device proves itself by this picture on every installation: few steps show as much as many. */
const MOST_GOLDEN_STEPS = 4;

export interface VersionName {
  readonly model: string;
  readonly version: string;
  readonly licence?: string | undefined;
  readonly steps?: number | undefined;
  readonly guidanceScale?: number | undefined;
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** Pictures are decoded in tiles. */
  readonly tiled?: boolean | undefined;
  /** Of its variants, one each; f32 unless said otherwise. */
  readonly inferencePrecisions?: readonly InferencePrecision[] | undefined;
  /** As `still run --lora` takes them: FILE[:SCALE]. */
  readonly lora?: readonly string[] | undefined;
}

/** What `still run --json` prints. */
const Ran = z.looseObject({
  pipeline: z.string(),
  variant: z.string(),
  runtime: Runtime,
  precision: Precision,
  inferencePrecision: InferencePrecision,
  inferencePrecisions: z.array(InferencePrecision),
  parameters: z.int().min(0),
  defaults: z.looseObject({ steps: z.int(), guidanceScale: z.number(), width: z.int(), height: z.int() }),
  latencyMs: z.number(),
  loadMs: z.number(),
  peakRssBytes: z.number(),
  inTurnPeakBytes: z.int(),
  adapters: z
    .array(z.looseObject({ path: z.string(), scale: z.number(), components: z.array(z.string()) }))
    .default([]),
});
type Ran = z.infer<typeof Ran>;

/** A variant to be, with the figures of a run that may have computed in another precision. */
interface Computed extends Ran {
  readonly measuredIn: InferencePrecision;
}

/** The manifest, and where the files that it names stand. @param scratch an empty folder for the golden picture */
export async function inferManifest(folder: string, name: VersionName, scratch: string) {
  const picture = join(scratch, 'golden.png');
  const ran = await paint(folder, name, picture);
  const computed = await computeIn(name.inferencePrecisions ?? [ran.inferencePrecision], {
    folder,
    name,
    picture,
    ran,
  });
  const files = new Map<string, string>([['golden/0.png', picture]]);
  const own = await pipelineFiles(folder, ran.runtime);
  const adapters = ran.adapters.map(({ path: file, ...adapter }, i) => ({
    file,
    adapter: { ...adapter, path: `adapters/${i}.safetensors` },
  }));
  const needed = [
    ...own.map((path) => ({ path: ArtifactPath.parse(`${ran.variant}/${path}`), file: join(folder, path) })),
    ...adapters.map(({ file, adapter: { path } }) => ({ path, file })),
  ];
  for (const { path, file } of needed) files.set(path, file);
  const licence = await licenceOf(folder);
  if (licence.file !== null) files.set('LICENSE', join(folder, licence.file));
  const artifacts = [];
  for (const [path, file] of files) artifacts.push(await describeArtifact(path, file));
  const index = JSON.parse(await readFile(join(folder, 'model_index.json'), 'utf8')) as Record<string, unknown>;
  const manifest = Manifest.parse({
    ...{ schemaVersion: 1, model: name.model, version: name.version, licence: name.licence ?? licence.name },
    pipeline: pipelineOf(index),
    artifacts,
    variants: computed.map((each) =>
      variantOf(each, name, {
        folder: ran.variant,
        adapters: adapters.map(({ adapter }) => adapter),
        artifacts: needed.map(({ path }) => path),
      }),
    ),
  });
  return { manifest, fileOf: (path: string) => files.get(path) ?? path };
}

/**
 * What each variant is published as. The golden picture is the one that the folder computes by itself: so a device that
 * computes in 16 bits proves how near it comes, and a machine that cannot may publish for those that can.
 *
 * @throws StillError `invalid_input` where the runtime has no such precision, or this machine sees a picture too far off
 */
async function computeIn(
  precisions: readonly InferencePrecision[],
  { folder, name, picture, ran }: { folder: string; name: VersionName; picture: string; ran: Ran },
): Promise<Computed[]> {
  const variants: Computed[] = [];
  for (const inferencePrecision of precisions) {
    if (inferencePrecision === ran.inferencePrecision) {
      variants.push({ ...ran, measuredIn: inferencePrecision });
      continue;
    }
    if (ran.runtime === 'onnxruntime')
      throw new StillError(
        'invalid_input',
        `--inference-precision ${inferencePrecision}: ONNX Runtime computes in f32; export ${folder} for OpenVINO`,
      );
    const own = ran.inferencePrecisions.includes(inferencePrecision)
      ? await paintAlike(inferencePrecision, { folder, name, picture, ran })
      : ran;
    const variant = variantName({ ...ran, inferencePrecision });
    variants.push({ ...own, inferencePrecision, variant, measuredIn: own.inferencePrecision });
  }
  return variants;
}

/** The golden picture once more. @throws StillError `invalid_input` where a device would not take it for the same */
async function paintAlike(
  inferencePrecision: InferencePrecision,
  { folder, name, picture, ran }: { folder: string; name: VersionName; picture: string; ran: Ran },
): Promise<Ran> {
  const out = picture.replace(/\.png$/, `-${inferencePrecision}.png`);
  const own = await paint(folder, name, out, inferencePrecision);
  const difference = pictureDifference(await readFile(out), await readFile(picture));
  const levels = difference.kind === 'compared' ? difference.meanAbsoluteDifference : 255;
  const allowed = mostLevelsApart(ran.precision);
  if (levels <= allowed) return own;
  throw new StillError(
    'invalid_input',
    `--inference-precision ${inferencePrecision}: its picture is ${levels.toFixed(2)} of 255 levels from that in f32 on average, allowed ${allowed}; leave it out`,
  );
}

/** Integer kernels differ between processors by more than those of floating point. */
const mostLevelsApart = (precision: Ran['precision']): number => (precision.startsWith('int') ? 4 : 2);

async function paint(
  folder: string,
  name: VersionName,
  out: string,
  inferencePrecision?: InferencePrecision,
): Promise<Ran> {
  const painter = PAINTERS.find(([program]) => existsSync(program));
  if (!painter)
    throw new StillError(
      'unavailable',
      'a folder without a manifest needs the agent, which makes its first picture: put dist/agent of "npm run build" beside dist/server, or publish from a checkout',
    );
  const size = name.size && `${name.size.width}x${name.size.height}`;
  const asked = Object.entries({
    ...{ guidance: name.guidanceScale, size, steps: MOST_GOLDEN_STEPS, seed: GOLDEN.seed },
    'inference-precision': inferencePrecision,
  });
  const options = asked.flatMap(([option, value]) => (value === undefined ? [] : [`--${option}`, String(value)]));
  try {
    const run = promisify(execFile);
    const tiled = name.tiled ? ['--tiled'] : [];
    const adapters = (name.lora ?? []).flatMap((adapter) => ['--lora', adapter]);
    const args = [...painter, folder, GOLDEN.prompt, ...options, ...tiled, ...adapters, '-o', out, '--json'];
    return Ran.parse(JSON.parse((await run(process.execPath, args)).stdout));
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const why = (stderr?.trim() || messageOf(cause)).replace(/^still run: /, '');
    throw new StillError('invalid_input', `${folder} cannot be published, because no picture comes out of it: ${why}`, {
      cause,
    });
  }
}

function variantOf(
  ran: Computed,
  name: VersionName,
  {
    folder,
    adapters,
    artifacts,
  }: { readonly folder: string; readonly adapters: Ran['adapters']; readonly artifacts: readonly string[] },
) {
  const {
    runtime,
    precision,
    inferencePrecision,
    measuredIn,
    parameters,
    defaults,
    loadMs,
    latencyMs,
    peakRssBytes,
    inTurnPeakBytes,
  } = ran;
  const { steps = defaults.steps, guidanceScale = defaults.guidanceScale, size = defaults } = name;
  const { width, height } = size;
  // The first one of an engine takes longer than those after it, which a device's bench times.
  const cores = plural(availableParallelism(), 'core');
  const machine = `${process.arch}, ${cores}; the first picture of an engine, in ${MOST_GOLDEN_STEPS} steps`;
  return {
    ...{ name: ran.variant, runtime, precision, folder, artifacts: [...artifacts] },
    ...(inferencePrecision !== inferencePrecisionOf({ runtime, precision }) && { inferencePrecision }),
    ...instructionSetsFor(inferencePrecision),
    ...{ resolution: { width, height }, steps, guidanceScale, parameters, ...(name.tiled && { tiled: true }) },
    ...(adapters.length > 0 && { adapters }),
    inTurnPeakBytes,
    measured: {
      ...{ machine, process: 'engine', peakRssBytes, loadMs, latencyMs },
      ...(measuredIn !== inferencePrecision && { inferencePrecision: measuredIn }),
    },
    golden: {
      maxMeanAbsoluteDifference: mostLevelsApart(precision),
      pictures: [{ ...GOLDEN, steps: MOST_GOLDEN_STEPS, guidanceScale, picture: 'golden/0.png' }],
    },
  };
}

/** Of model_index.json what the manifest has room for: the class, and each component's library and class. */
function pipelineOf(index: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(index).filter(
      ([, value]) => typeof value === 'string' || (Array.isArray(value) && value.length === 2),
    ),
  );
}

/** Whether two manifests differ in nothing but what was measured or predicted: then it is the same version once more. */
export function sameButMeasured(one: Manifest, other: Manifest): boolean {
  const [a, b] = [one, other].map((manifest) => {
    const variants = manifest.variants.map(({ measured: _, inTurnPeakBytes: __, ...variant }) => variant);
    return canonicalJson({ ...manifest, variants });
  });
  return a === b;
}
