// The small version with OpenVINO graphs, and the runtime itself, installed once by the very code that a device runs:
// from the toolkit's environment where it is there (no network), else from PyPI.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { installOpenVino } from '../../agent/runtime/openvino/install.ts';
import { FIXTURE, specOf } from './fixture.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const GRAPHS = join(root, 'test/fixtures/shapes-tiny-openvino');

/** @returns the folder of runtimes */
export async function openVinoRuntimes(): Promise<string> {
  const into = join(root, 'node_modules/.cache/stillhouse/runtimes');
  await installOpenVino({ into, from: librariesOfToolkit(), architecture: process.arch, say: () => {} });
  return into;
}

/** Where the toolkit's environment has OpenVINO; null when that environment was not made. */
export function librariesOfToolkit(): string | null {
  const lib = join(root, 'models/.venv/lib');
  const folders = existsSync(lib)
    ? readdirSync(lib).map((python) => join(lib, python, 'site-packages/openvino/libs'))
    : [];
  return folders.find((folder) => existsSync(folder)) ?? null;
}

/** A copy of the fixture in a temporary folder whose variant runs on OpenVINO. */
export function openVinoSpec(): EngineSpec {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-openvino-'));
  cpSync(FIXTURE, folder, { recursive: true });
  const { variant, ...rest } = specOf(folder);
  for (const part of ['text_encoder', 'unet']) {
    const at = join(folder, variant.folder, part);
    rmSync(join(at, 'model.onnx'));
    cpSync(join(GRAPHS, part, 'openvino_model.bin'), join(at, 'openvino_model.bin'));
    writeFileSync(
      join(at, 'openvino_model.xml'),
      gunzipSync(readFileSync(join(GRAPHS, part, 'openvino_model.xml.gz'))),
    );
  }
  return { ...rest, variant: { ...variant, name: 'openvino-fp16', runtime: 'openvino' } };
}
