// Models for measurements that no folder of the repository holds: made once by the toolkit and kept in the cache, until the
// toolkit writes its graphs another way.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(root, 'node_modules/.cache/stillhouse/perf');
const WRITERS = ['diffusers_export', 'variants'];
export const TOOLKIT_PYTHON = join(root, 'models/.venv/bin/python');

/** @returns the folder of that name @throws Error where the toolkit's environment is missing or fails */
export function madeByToolkit(name: string, command: (out: string) => readonly string[]): string {
  const folder = join(FOLDER, `${name}.${edition()}`);
  if (existsSync(folder)) return folder;
  mkdirSync(FOLDER, { recursive: true });
  for (const other of readdirSync(FOLDER))
    if (other === name || other.startsWith(`${name}.`)) rmSync(join(FOLDER, other), { recursive: true });
  const unfinished = `${folder}.part`;
  const args = ['-m', 'stillhouse_models', ...command(unfinished)];
  const { status, stderr } = spawnSync(TOOLKIT_PYTHON, args, { cwd: join(root, 'models'), encoding: 'utf8' });
  if (status !== 0) throw new Error(`the toolkit made no ${folder} (python3 models/setup.py first?): ${stderr ?? ''}`);
  renameSync(unfinished, folder);
  return folder;
}

/** Of the code that writes graphs. */
function edition(): string {
  const hash = createHash('sha256');
  for (const writer of WRITERS) {
    const folder = join(root, 'models/stillhouse_models', writer);
    for (const file of readdirSync(folder)
      .filter((each) => each.endsWith('.py'))
      .sort())
      hash.update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
