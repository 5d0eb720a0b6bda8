// `npm run parity [-- --seed N --runtime openvino]`: makes everything anew in the toolkit's environment, pipelines with new random weights,
// prompts, sizes and seeds, what diffusers makes of them, schedulers step by step, noise, and compares all of it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const values = commandLine('npm run parity [-- --seed N --runtime onnx|openvino]', {
  seed: { type: 'string' },
  runtime: { type: 'string' },
});
const runtime = values.runtime ?? 'onnx';
const seed = values.seed ?? String(Math.floor(Math.random() * 1_000_000));
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-parity-'));

function run(command: string, args: readonly string[], cwd: string): boolean {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, STILL_PARITY: folder },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

console.log(`seed ${seed} (npm run parity -- --seed ${seed} does this again)`);
const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
const equal =
  run('python3', ['setup.py'], join(root, 'models')) &&
  run(
    join(root, 'models/.venv/bin/python'),
    ['-m', 'stillhouse_models', 'parity', '--out', folder, '--seed', seed, '--runtime', runtime],
    join(root, 'models'),
  ) &&
  run(process.execPath, [vitest, 'run', 'test/parity'], root);
rmSync(folder, { recursive: true, force: true });
console.log(equal ? `equal to the reference, seed ${seed}` : `NOT equal to the reference, seed ${seed}`);
process.exitCode = equal ? 0 : 1;
