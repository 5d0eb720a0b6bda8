// `npm run parity [-- --seed N --runtime openvino]`: makes everything anew in the toolkit's environment, pipelines with new random weights,
// prompts, sizes and seeds, what diffusers makes of them, schedulers step by step, noise, and compares all of it. With `--optimum`
// the pipelines are exported by Hugging Face's own programs, and painted by `still run`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../command-line.ts';
import { compareExports } from './compare-exports.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const USAGE = `npm run parity [-- --seed N --runtime onnx|openvino]
npm run parity -- --optimum [--seed N --runtime onnx|openvino --kinds sd,sdxl]    folders as optimum-cli export writes them
                                                                                  (its own Python environment, 5.8 GB)`;
const values = commandLine(USAGE, {
  seed: { type: 'string' },
  runtime: { type: 'string' },
  optimum: { type: 'boolean', default: false },
  kinds: { type: 'string', default: '' },
});
if (values.kinds && !values.optimum) {
  console.error(`--kinds goes with --optimum\n\n${USAGE}`);
  process.exit(2);
}
const runtime = values.runtime ?? 'onnx';
const seed = values.seed ?? String(Math.floor(Math.random() * 1_000_000));
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-parity-'));
const models = join(root, 'models');

function run(command: string, args: readonly string[], cwd: string): boolean {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    // Threads wait for each other longer than such small networks take.
    env: { ...process.env, STILL_PARITY: folder, OMP_NUM_THREADS: '1' },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

function withToolkit(): boolean {
  const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  const made = ['-m', 'stillhouse_models', 'parity', '--out', folder, '--seed', seed, '--runtime', runtime];
  return (
    run('python3', ['setup.py'], models) &&
    run(join(models, '.venv/bin/python'), made, models) &&
    run(process.execPath, [vitest, 'run', 'test/parity'], root)
  );
}

async function withOptimum(): Promise<boolean> {
  const module = 'stillhouse_models.diffusers_export.optimum_parity';
  const made = ['-m', module, '--out', folder, '--seed', seed, '--runtime', runtime, '--kinds', values.kinds];
  return (
    run('python3', ['setup.py', '--optimum'], models) &&
    run(join(models, '.venv-optimum/bin/python'), made, models) &&
    (await compareExports(folder))
  );
}

const again = `npm run parity -- --seed ${seed} --runtime ${runtime}${values.optimum ? ' --optimum' : ''}`;
console.log(`seed ${seed} (${again} does this again)`);
const equal = values.optimum ? await withOptimum() : withToolkit();
rmSync(folder, { recursive: true, force: true });
console.log(equal ? `equal to the reference, seed ${seed}` : `NOT equal to the reference, seed ${seed}`);
process.exitCode = equal ? 0 : 1;
