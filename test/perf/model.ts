// The model that the performance runs use: the folder that STILL_PERF_MODEL names, or the newest one shipped.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { Manifest } from '../../shared/manifest.ts';
import { openVinoSpec } from '../engine/openvino-fixture.ts';
import { madeByToolkit } from './made-by-toolkit.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type RuntimeName = 'onnxruntime' | 'openvino';

/** A version without a variant for OpenVINO is measured there by the small one of the tests. */
export const perfSpec = (runtime: RuntimeName = 'onnxruntime'): EngineSpec =>
  specIn(process.env.STILL_PERF_MODEL ?? newest(), runtime);

/** The released student, exported once more: its versions carry no graphs for OpenVINO. */
export function studentOnOpenVino(): EngineSpec {
  const checkpoints = 'checkpoints/stickers';
  const folder = madeByToolkit('student', (out) => [
    ...['export', 'recipes/released.toml', '--training', checkpoints, '--student', `${checkpoints}/student`],
    ...['--model', 'stickers-lite', '--version', '1.1.0', '--steps', '3', '--precisions', 'openvino-fp16'],
    ...['--prompts', '2', '--out', out],
  ]);
  return specIn(join(folder, 'stickers-lite/1.1.0'), 'openvino');
}

function specIn(folder: string, runtime: RuntimeName): EngineSpec {
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  const variant = manifest.variants.find((one) => one.runtime === runtime);
  if (!variant && runtime === 'openvino') return openVinoSpec();
  if (!variant) throw new Error(`${folder}: no variant for ${runtime}`);
  return { versionDigest: '0'.repeat(64), manifest, variant, folder };
}

function newest(): string {
  const released = join(root, 'models/released');
  const folders = existsSync(released)
    ? readdirSync(released).flatMap((model) =>
        readdirSync(join(released, model)).map((version) => join(released, model, version)),
      )
    : [];
  const found = folders.filter((folder) => existsSync(join(folder, 'manifest.json'))).sort();
  return found.at(-1) ?? join(root, 'test/fixtures/shapes-tiny/1.0.0');
}
