// Versions as small as they can be, each with its own way of being good or bad. Artifacts are a few kilobytes in a few
// pieces, and neighbours share one, so that a prune has something to get wrong.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { Manifest } from '../../shared/manifest.ts';
import { Random } from './random.ts';

/** A `fussy` one is good on some boards and mismatched on others (see SimDevice.finds). */
export type Behaviour = 'fussy' | 'good' | 'slow' | 'ugly' | 'mismatched' | 'unloadable' | 'crashing' | 'hanging';

export interface MadeVersion {
  readonly version: string;
  readonly versionDigest: string;
  readonly behaviour: Behaviour;
  readonly manifest: Manifest;
  /** sha256 → bytes. */
  readonly contents: ReadonlyMap<string, Buffer>;
}

export const MODEL = 'shapes';
const CHUNK_BYTES = 4096;
const SCORES = { quality: 4.5, adherence: 0.9, whole: 0.8, prompts: 20 };

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function makeVersion(number: number, behaviour: Behaviour): MadeVersion {
  const name = 'onnxruntime-fp16';
  const contents = new Map<string, Buffer>();
  const artifact = (path: string, random: Random, sizeBytes: number) => {
    const bytes = Buffer.from(random.bytes(sizeBytes));
    contents.set(sha256Of(bytes), bytes);
    const chunks = Array.from({ length: Math.ceil(sizeBytes / CHUNK_BYTES) }, (_, index) =>
      sha256Of(bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)),
    );
    return { path, sha256: sha256Of(bytes), sizeBytes, chunks: { chunkSizeBytes: CHUNK_BYTES, sha256: chunks } };
  };
  const own = new Random(1000 + number);
  const shared = new Random(500 + Math.floor(number / 2));
  const evaluation = ['evaluation/set.json', 'evaluation/evaluator.onnx', 'evaluation/config.json'];
  const manifest = Manifest.parse({
    ...{ schemaVersion: 1, model: MODEL, version: `1.${number}.0`, licence: 'Apache-2.0' },
    pipeline: { _class_name: 'StillhousePipeline' },
    artifacts: [
      artifact(`${name}/model_index.json`, own, 300),
      artifact(`${name}/model.onnx`, own, 9000),
      artifact(`${name}/text_encoder.onnx`, shared, 6000),
      artifact(`${name}/golden.png`, own, 200),
      ...evaluation.map((path) => artifact(path, new Random(7), 100 + path.length)),
    ],
    variants: [
      {
        ...{ name, runtime: 'onnxruntime', precision: 'fp16', folder: name, steps: 4, guidanceScale: 1 },
        artifacts: [`${name}/model_index.json`, `${name}/model.onnx`, `${name}/text_encoder.onnx`],
        resolution: { width: 64, height: 64 },
        parameters: 1000,
        measured: { machine: 'simulated', peakRssBytes: 200e6, loadMs: 100, latencyMs: 50 },
        golden: {
          maxMeanAbsoluteDifference: 2,
          pictures: [{ prompt: 'a circle', seed: 1, steps: 4, guidanceScale: 1, picture: `${name}/golden.png` }],
        },
      },
    ],
    evaluation: {
      set: evaluation[0],
      evaluator: { graph: evaluation[1], config: evaluation[2] },
      artifacts: evaluation,
      prompts: 20,
      teacher: SCORES,
    },
  });
  const versionDigest = sha256Of(Buffer.from(canonicalJson(manifest)));
  return { version: manifest.version, versionDigest, behaviour, manifest, contents };
}
