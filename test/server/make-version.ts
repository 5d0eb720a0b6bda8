// Versions made of a few bytes: enough for a server, which never runs one.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { publishVersion } from '../../server/actions/publish-version.ts';
import { receiveArtifact } from '../../server/actions/receive-artifact.ts';
import type { World } from '../../server/store/world.ts';
import { Manifest, type Variant } from '../../shared/manifest.ts';

export const sha256Of = (bytes: string): string => createHash('sha256').update(bytes).digest('hex');

const SCORES = { quality: 4.5, adherence: 0.9, whole: 0.8, prompts: 10 };

export function makeVariant(precision: Variant['precision'], over: Record<string, unknown> = {}) {
  const name = `onnxruntime-${precision}`;
  return {
    name,
    runtime: 'onnxruntime',
    precision,
    folder: name,
    artifacts: [`${name}/model_index.json`, `${name}/model.onnx`],
    resolution: { width: 64, height: 64 },
    steps: 4,
    guidanceScale: 1,
    parameters: 1000,
    measured: { machine: 'test', peakRssBytes: 200e6, loadMs: 100, latencyMs: 50 },
    golden: {
      maxMeanAbsoluteDifference: 2,
      pictures: [{ prompt: 'a circle', seed: 1, steps: 4, guidanceScale: 1, picture: `${name}/golden.png` }],
    },
    ...over,
  };
}

/** What each artifact of a made version holds: its own path and the version's number; all share one evaluation set. */
const contentOf = (version: string, path: string) =>
  path.startsWith('evaluation/') ? `of every version: ${path}` : `${version} ${path}`;

export function makeManifest(version: string, variants = [makeVariant('fp16')], evaluation = true): Manifest {
  const evaluationPaths = ['evaluation/set.json', 'evaluation/evaluator.onnx', 'evaluation/config.json'];
  const paths = [
    ...variants.flatMap(({ name, artifacts }) => [...artifacts, `${name}/golden.png`]),
    ...(evaluation ? evaluationPaths : []),
  ];
  return Manifest.parse({
    schemaVersion: 1,
    model: 'shapes',
    version,
    licence: 'Apache-2.0',
    pipeline: { _class_name: 'StillhousePipeline' },
    artifacts: paths.map((path) => {
      const content = contentOf(version, path);
      return { path, sha256: sha256Of(content), sizeBytes: content.length };
    }),
    variants,
    ...(evaluation && {
      evaluation: {
        set: evaluationPaths[0],
        evaluator: { graph: evaluationPaths[1], config: evaluationPaths[2] },
        artifacts: evaluationPaths,
        prompts: 10,
        teacher: SCORES,
      },
    }),
  });
}

export async function publishMade(world: World, version: string, manifest = makeManifest(version)) {
  for (const { path, sha256 } of manifest.artifacts)
    await receiveArtifact(world, { sha256, stream: Readable.from([Buffer.from(contentOf(version, path))]) });
  return publishVersion(world, { manifest, actor: 'test' });
}
