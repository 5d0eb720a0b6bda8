// The manifest of a version: what is in it, how to run it, how good it is, where it comes from.
// The version's digest is the sha256 of the manifest's canonical JSON (canonical-json.ts), and every file is named by
// its own sha256 inside, so the digest covers every byte. manifest.schema.json is generated from here; Python checks
// against that file. Unknown fields are kept, so that a newer publisher can talk through an older server.
import { z } from 'zod';
import { BaseVersion } from './base-version.ts';
import { ModelName, Sha256, VersionNumber } from './ids.ts';
import { limits } from './limits.ts';

/** A relative POSIX path inside a version: no root, no drive, no `..`, no empty part, no control characters. */
export const ArtifactPath = z
  .string()
  .min(1)
  .max(255)
  .regex(
    /^(?!.*(^|\/)\.{1,2}(\/|$))(?!.*\/\/)[A-Za-z0-9_][A-Za-z0-9._+-]*(\/[A-Za-z0-9_][A-Za-z0-9._+-]*)*$/,
    'expected a plain relative path such as onnxruntime-fp16/unet/model.onnx (no "..", no leading "/", no spaces)',
  );

export const Runtime = z.enum(['onnxruntime', 'openvino']);
export const Precision = z.enum(['fp32', 'fp16', 'bf16', 'int8', 'int4']);
/** As OpenVINO's INFERENCE_PRECISION_HINT writes them; all but the first are 16 bits wide. */
export const InferencePrecision = z.enum(['f32', 'f16', 'bf16']);
export type InferencePrecision = z.infer<typeof InferencePrecision>;

export const Artifact = z.looseObject({
  path: ArtifactPath,
  sha256: Sha256,
  sizeBytes: z.int().min(0).max(limits.artifactBytes),
  /** sha256 of each consecutive piece of `chunkSizeBytes`, the last one shorter. Left out for a file of one piece. */
  chunks: z
    .looseObject({
      chunkSizeBytes: z
        .int()
        .min(4096)
        .max(64 * 1024 * 1024),
      sha256: z.array(Sha256).min(1),
    })
    .optional(),
});
export type Artifact = z.infer<typeof Artifact>;

/** A picture that this variant's publisher made; a device that runs the variant rightly makes it again. */
export const GoldenPicture = z.looseObject({
  prompt: z.string().min(1).max(limits.promptCharacters),
  seed: z.int().min(0).max(0xffffffff),
  steps: z.int().min(1).max(limits.steps),
  guidanceScale: z.number().min(0).max(100),
  /** A PNG among the artifacts. */
  picture: ArtifactPath,
});

/** Of a score: a seeded bootstrap over the prompts (quality.ts). */
export const ScoreInterval = z.looseObject({
  low: z.number().min(0).max(5),
  high: z.number().min(0).max(5),
  confidence: z.number().min(0).max(1),
});

/** What is wrong with pictures by themselves, means over a set (artifacts.ts says how each is measured). */
export const ArtifactMeans = z.looseObject({
  grid: z.number().min(0).max(1),
  seams: z.number().min(0),
  clipping: z.number().min(0).max(1),
  sharpness: z.number().min(0),
  flat: z.number().min(0).max(1),
});

/** How near the pictures are to the teacher's of the same prompts and seeds, means over the set. */
export const Fidelity = z.looseObject({
  /** 100 for equal pictures. */
  psnrDb: z.number().min(0).max(100),
  ssim: z.number().min(-1).max(1),
  /** Between the evaluator's feature maps, 0 for equal pictures. */
  perceptual: z.number().min(0).optional(),
});

/** Means over the evaluation set, each picture scored by the version's evaluator. */
export const Scores = z.looseObject({
  /** 0–5, the teacher at 5: `5 · min(1, adherence / teacher's adherence)` on the same prompts and seeds. */
  quality: z.number().min(0).max(5),
  interval: ScoreInterval.optional(),
  /** Mean share of the caption's parts that the evaluator finds, 0–1. */
  adherence: z.number().min(0).max(1),
  /** Share of pictures with every part right, 0–1. */
  whole: z.number().min(0).max(1),
  /** How many prompts the means are over. */
  prompts: z.int().min(1),
  fidelity: Fidelity.optional(),
  artifacts: ArtifactMeans.optional(),
  /** Root of the mean squared difference between the pictures of the set, in levels of 0–255. */
  diversityLevels: z.number().min(0).optional(),
});

/** What was done to a variant's numbers. Left out where it holds the weights as they were trained. */
export const Quantization = z.looseObject({
  /**
   * `weights`: stored small, brought back to float32 when loaded; `dynamic`: activations measured at each run; `static`:
   * activations' ranges measured by the publisher; `nncf`: as `static`, by NNCF for OpenVINO.
   */
  method: z.enum(['weights', 'dynamic', 'static', 'nncf']),
  weightBits: z.int().min(2).max(16),
  /** What matrices and convolutions compute with. */
  activationBits: z.int().min(8).max(32),
  /** Pictures whose every step the ranges were measured on. */
  calibrationPictures: z.int().min(1).optional(),
});

/** How far the variant's pictures are from those of the trained networks in PyTorch, on evaluation prompts. */
export const Parity = z.looseObject({
  reference: z.string().max(100),
  pictures: z.int().min(1),
  /** Mean absolute difference in levels of 0–255: of the worst picture, and what is allowed. */
  worstMeanDifferenceLevels: z.number().min(0).max(255),
  allowedMeanDifferenceLevels: z.number().min(0).max(255),
});

/** A LoRA that devices merge into the variant's graphs as they load them. */
export const VariantAdapter = z.looseObject({
  /** A safetensors file among the variant's artifacts. */
  path: ArtifactPath,
  /** How much of it. */
  scale: z.number(),
  /** Folders of the components that it changes, such as `unet`. */
  components: z.array(z.string().min(1).max(63)).min(1).max(16),
});

export const Variant = z.looseObject({
  /** `<runtime>-<precision>`, with a suffix where that is not unique. */
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    .max(63),
  runtime: Runtime,
  /** Of the stored weights. */
  precision: Precision,
  /** What the graphs are computed in. Left out: f32, or bf16 where the weights are stored in it. Only OpenVINO has others than f32. */
  inferencePrecision: InferencePrecision.optional(),
  /** The optimum-style pipeline folder (model_index.json stands in it). */
  folder: ArtifactPath,
  /** Paths of the artifacts this variant needs to run: everything in its folder. */
  artifacts: z.array(ArtifactPath).min(1).max(limits.artifactsPerVersion),
  resolution: z.looseObject({
    width: z.int().min(1).max(limits.pictureSidePixels),
    height: z.int().min(1).max(limits.pictureSidePixels),
  }),
  steps: z.int().min(1).max(limits.steps),
  guidanceScale: z.number().min(0).max(100),
  /** Pictures are decoded in tiles unless a request says otherwise; for pipelines whose decoder can. */
  tiled: z.boolean().optional(),
  adapters: z.array(VariantAdapter).max(limits.adaptersPerVariant).optional(),
  /** Weights of all graphs together. */
  parameters: z.int().min(0),
  /** Measured by the publisher with the bare runtime, on the machine that `machine` names. */
  measured: z.looseObject({
    machine: z.string().max(200),
    /** What ran it: the toolkit's Python, which takes less memory than an engine of a device, or that engine. Left out: python. */
    process: z.enum(['python', 'engine']).optional(),
    /** What was computed in, where the publisher's processor has not what the variant computes in. Left out: the variant's own. */
    inferencePrecision: InferencePrecision.optional(),
    peakRssBytes: z.int().min(0),
    loadMs: z.number().min(0),
    latencyMs: z.number().min(0),
  }),
  /** Predicted peak of an engine that holds one part at a time, for devices that lack the memory for all. Left out: not known. */
  inTurnPeakBytes: z.int().min(1).optional(),
  scores: Scores.optional(),
  quantization: Quantization.optional(),
  parity: Parity.optional(),
  /**
   * Architecture (Node's name: x64, arm64) → instruction set extensions without which it does not run, as
   * Inventory.cpuFeatures names them. Left out: runs on every processor that its runtime runs on.
   */
  instructionSets: z.record(z.string().max(32), z.array(z.string().max(32)).max(64)).optional(),
  /** The device class that its graphs were tuned for, such as `raspberry-pi-5`; it runs on others, too. */
  target: z.string().max(63).optional(),
  golden: z.looseObject({
    /** The largest mean absolute difference from a golden picture, in levels of 0–255, that still counts as equal. */
    maxMeanAbsoluteDifference: z.number().min(0).max(255),
    pictures: z.array(GoldenPicture).min(1).max(64),
  }),
});
export type Variant = z.infer<typeof Variant>;

export const Evaluation = z.looseObject({
  /** The evaluation set (evaluation-files.ts), an artifact. */
  set: ArtifactPath,
  /** The evaluator's graph and its configuration (likewise), artifacts. */
  evaluator: z.looseObject({ graph: ArtifactPath, config: ArtifactPath }),
  /** Every artifact that scoring needs on a device: set, graph, config. */
  artifacts: z.array(ArtifactPath).min(3).max(limits.artifactsPerVersion),
  prompts: z.int().min(1).max(limits.evaluationPrompts),
  /** Side of the denoiser's patches (or of the decoder's pixels) in the picture: where a grid would show. */
  gridPeriodPixels: z.int().min(2).max(64).optional(),
  teacher: Scores,
});

/** One training phase as it went. */
export const Phase = z.looseObject({
  name: z.string().max(64),
  steps: z.int().min(0),
  learningRate: z.number().min(0),
  losses: z.record(z.string(), z.number()),
  metrics: z.record(z.string(), z.number()),
});

export const Lineage = z.looseObject({
  teacher: z.looseObject({ name: z.string().max(200), parameters: z.int().min(0) }),
  family: z.string().max(64),
  phases: z.array(Phase).max(64),
  data: z.looseObject({ name: z.string().max(200) }),
  toolkitVersion: z.string().max(64),
  seed: z.int().min(0),
});

export const Manifest = z.looseObject({
  schemaVersion: z.literal(1),
  model: ModelName,
  version: VersionNumber,
  /** SPDX expression; the text is the artifact LICENSE. */
  licence: z.string().min(1).max(200),
  description: z.string().max(2000).optional(),
  /** The shape of diffusers' model_index.json: `_class_name` and each component as [library, class]. */
  pipeline: z
    .record(z.string(), z.union([z.string(), z.array(z.string().nullable()).length(2)]))
    .refine((index) => typeof index._class_name === 'string', 'expected _class_name, the name of the pipeline class'),
  artifacts: z.array(Artifact).min(1).max(limits.artifactsPerVersion),
  variants: z.array(Variant).min(1).max(32),
  base: BaseVersion.optional(),
  evaluation: Evaluation.optional(),
  lineage: Lineage.optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/**
 * What the schema alone cannot say: paths are unique, every path that is named is an artifact, variants are unique,
 * chunk counts fit sizes.
 *
 * @returns one sentence a fault, empty when the manifest is consistent
 */
export function manifestFaults(manifest: Manifest): string[] {
  const faults: string[] = [];
  const paths = new Map(manifest.artifacts.map((artifact) => [artifact.path, artifact]));
  if (paths.size !== manifest.artifacts.length) faults.push('artifacts: the same path stands twice');
  const folded = new Set(manifest.artifacts.map((artifact) => artifact.path.toLowerCase()));
  if (folded.size !== paths.size) faults.push('artifacts: two paths differ only in upper and lower case');
  const need = (path: string, where: string) => {
    if (!paths.has(path)) faults.push(`${where}: "${path}" is not among the artifacts`);
  };
  for (const { path, sizeBytes, chunks } of manifest.artifacts) {
    if (chunks && chunks.sha256.length !== Math.max(1, Math.ceil(sizeBytes / chunks.chunkSizeBytes)))
      faults.push(`artifacts: "${path}" has ${chunks.sha256.length} chunk digests, its size needs another number`);
  }
  const names = new Set<string>();
  for (const variant of manifest.variants) {
    const where = `variants.${variant.name}`;
    if (names.has(variant.name)) faults.push(`${where}: the name stands twice`);
    names.add(variant.name);
    if (variant.runtime === 'onnxruntime' && (variant.inferencePrecision ?? 'f32') !== 'f32')
      faults.push(`${where}.inferencePrecision: ONNX Runtime computes in f32, not in ${variant.inferencePrecision}`);
    need(`${variant.folder}/model_index.json`, where);
    for (const path of variant.artifacts) need(path, `${where}.artifacts`);
    for (const { path } of variant.adapters ?? [])
      if (!variant.artifacts.includes(path)) faults.push(`${where}.adapters: "${path}" is not among its artifacts`);
    for (const { picture } of variant.golden.pictures) need(picture, `${where}.golden`);
  }
  if (manifest.evaluation) {
    const { set, evaluator, artifacts } = manifest.evaluation;
    for (const path of [set, evaluator.graph, evaluator.config, ...artifacts]) need(path, 'evaluation');
  }
  return faults;
}

/** The artifacts that a device needs to run, probe and score one variant. Unique, in manifest order. */
export function artifactsForDevice(manifest: Manifest, variant: Variant): Artifact[] {
  const wanted = new Set([
    ...variant.artifacts,
    ...variant.golden.pictures.map(({ picture }) => picture),
    ...(manifest.evaluation?.artifacts ?? []),
  ]);
  return manifest.artifacts.filter(({ path }) => wanted.has(path));
}
