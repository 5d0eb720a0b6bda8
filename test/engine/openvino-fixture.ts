// The small version with OpenVINO graphs, and the runtime itself, installed once by the very code that a device runs:
// from the toolkit's environment where it is there (no network), else from PyPI.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { installOpenVino } from '../../agent/runtime/openvino/install.ts';
import type { Manifest } from '../../shared/manifest.ts';
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
  const { variant, manifest, ...rest } = specOf(folder);
  const written: Manifest['artifacts'] = [];
  const write = (path: string, bytes: Buffer) => {
    writeFileSync(join(folder, path), bytes);
    written.push({ path, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  };
  for (const part of ['text_encoder', 'unet']) {
    const at = `${variant.folder}/${part}`;
    rmSync(join(folder, at, 'model.onnx'));
    write(`${at}/openvino_model.bin`, readFileSync(join(GRAPHS, part, 'openvino_model.bin')));
    write(`${at}/openvino_model.xml`, gunzipSync(readFileSync(join(GRAPHS, part, 'openvino_model.xml.gz'))));
  }
  const isThere = (path: string) => existsSync(join(folder, path));
  const artifacts = [...variant.artifacts.filter(isThere), ...written.map(({ path }) => path)];
  return {
    ...rest,
    manifest: { ...manifest, artifacts: [...manifest.artifacts.filter(({ path }) => isThere(path)), ...written] },
    variant: { ...variant, name: 'openvino-fp16', runtime: 'openvino', artifacts },
  };
}
