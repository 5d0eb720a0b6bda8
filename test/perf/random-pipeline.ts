// A pipeline of Stable Diffusion's shape at a quarter of its width, with random weights, made once by the toolkit: as diffusers
// keeps it, for ONNX Runtime and for OpenVINO. Pictures of 256x256.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(root, 'node_modules/.cache/stillhouse/perf');
export const TOOLKIT_PYTHON = join(root, 'models/.venv/bin/python');

export interface RandomPipeline {
  readonly diffusers: string;
  readonly onnx: string;
  readonly openvino: string;
}

/** @throws Error where the toolkit's environment is missing or fails */
export function randomPipeline(): RandomPipeline {
  const made = { diffusers: join(FOLDER, 'diffusers'), onnx: join(FOLDER, 'onnx'), openvino: join(FOLDER, 'openvino') };
  makeOnce(made.diffusers, (out) => ['tiny-diffusers', 'sd-1.5-small', '--out', out]);
  for (const runtime of ['onnx', 'openvino'] as const)
    makeOnce(made[runtime], (out) => ['export-diffusers', made.diffusers, '--out', out, '--runtime', runtime]);
  return made;
}

function makeOnce(folder: string, command: (out: string) => readonly string[]): void {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  const args = ['-m', 'stillhouse_models', ...command(unfinished)];
  const { status, stderr } = spawnSync(TOOLKIT_PYTHON, args, { cwd: join(root, 'models'), encoding: 'utf8' });
  if (status !== 0) throw new Error(`the toolkit made no ${folder} (python3 models/setup.py first?): ${stderr ?? ''}`);
  renameSync(unfinished, folder);
}
