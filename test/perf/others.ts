// The engine against others on the same weights, the same machine and as many threads, in turns: diffusers with PyTorch, and
// OpenVINO GenAI and stable-diffusion.cpp where they were asked for. Above 1 the engine is faster.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LaunchSpec } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { OPENVINO_VERSION } from '../../agent/runtime/openvino/package.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { inferencePrecisionOf } from '../../shared/inference-precision.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { TOOLKIT_PYTHON } from './made-by-toolkit.ts';
import { perfSpec, type RuntimeName, studentOnOpenVino } from './model.ts';
import { fullSizePipeline, randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const LATENTS = { steps: 2, side: 256, rounds: 15, warmUps: 2 };
const STUDENT = { steps: 3, side: 64, rounds: 40, warmUps: 5 };
const models = fileURLToPath(new URL('../../models', import.meta.url));

export async function measureAgainstDiffusers(runtime: RuntimeName): Promise<PerfResult> {
  const { diffusers, onnx, openvino } = randomPipeline();
  const { spec } = await openFolder(runtime === 'openvino' ? openvino : onnx, undefined);
  const other = await painter(TOOLKIT_PYTHON, 'paint_with_diffusers.py', diffusers);
  const what = `diffusers with PyTorch ÷ the engine over ${runtime}, same weights`;
  return against({ runtime, spec, ...LATENTS }, other, { name: `diffusers-${runtime}`, what, goal: 1.5 });
}

/** Both in 16 bits. @returns null where this processor has no bf16 */
export async function measureAgainstDiffusersInBf16(): Promise<PerfResult | null> {
  const spec = await specInBf16();
  if (!spec) return null;
  const { diffusers } = randomPipeline();
  const other = await painter(TOOLKIT_PYTHON, 'paint_with_diffusers.py', diffusers, 'bf16');
  const what = 'diffusers with PyTorch ÷ the engine over openvino, both in bf16, same weights';
  return against({ runtime: 'openvino', spec, ...LATENTS }, other, { name: 'diffusers-openvino-bf16', what, goal: 1 });
}

async function specInBf16(): Promise<LaunchSpec | null> {
  const { told } = await openFolder(randomPipeline().openvino, undefined);
  if (!told.inferencePrecisions.includes('bf16')) return null;
  return (await openFolder(randomPipeline().openvino, undefined, 'bf16')).spec;
}

/** The released student, whose own pipeline in PyTorch is the toolkit's. */
export async function measureAgainstPyTorchStudent(runtime: RuntimeName): Promise<PerfResult> {
  const spec = runtime === 'openvino' ? studentOnOpenVino() : perfSpec(runtime);
  const other = await painter(TOOLKIT_PYTHON, 'paint_with_student.py', join(models, 'checkpoints/stickers/student'));
  const what = `the released student with PyTorch ÷ the engine over ${runtime}`;
  return against({ runtime, spec, ...STUDENT }, other, { name: `pytorch-student-${runtime}`, what, goal: 1.5 });
}

export const measureAgainstGenAi = (): Promise<PerfResult> =>
  openFolder(randomPipeline().openvino, undefined).then(({ spec }) => againstGenAi(spec, 'f32'));

/** Which GenAI takes by itself on such a processor. @returns null where this one has no bf16 */
export async function measureAgainstGenAiInBf16(): Promise<PerfResult | null> {
  const spec = await specInBf16();
  return spec && againstGenAi(spec, 'bf16');
}

function againstGenAi(spec: LaunchSpec, precision: 'f32' | 'bf16'): Promise<PerfResult> {
  const wanted = [`openvino-genai==${OPENVINO_VERSION}.0`, `transformers==${versionOf('transformers')}`];
  return inOwnEnvironment(wanted, async (python) => {
    const other = await painter(python, 'paint_with_genai.py', spec.folder, precision);
    const [name, both] = precision === 'f32' ? ['genai', ''] : ['genai-bf16', ', both in bf16'];
    const what = `OpenVINO GenAI ÷ the engine over openvino${both}, same weights`;
    return against({ runtime: 'openvino', spec, ...LATENTS }, other, { name, what, goal: 1 });
  });
}

/** It takes no widths but Stable Diffusion's own, so that is what both paint with. */
export async function measureAgainstStableDiffusionCpp(): Promise<PerfResult> {
  const readers = ['safetensors', 'numpy'].map((name) => `${name}==${versionOf(name)}`);
  const wanted = ['stable-diffusion-cpp-python==0.4.7', ...readers];
  return inOwnEnvironment(wanted, async (python) => {
    const { diffusers, onnx } = fullSizePipeline();
    const { spec } = await openFolder(onnx, undefined);
    const other = await painter(python, 'paint_with_stable_diffusion_cpp.py', diffusers);
    const what = 'stable-diffusion.cpp ÷ the engine over onnxruntime, same weights';
    const match = { runtime: 'onnxruntime', spec, ...LATENTS, rounds: 3 } as const;
    return against(match, other, { name: 'stable-diffusion-cpp', what, goal: 1 });
  });
}

/** Python with these packages, gone afterwards. */
async function inOwnEnvironment(
  packages: readonly string[],
  measure: (python: string) => Promise<PerfResult>,
): Promise<PerfResult> {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-perf-'));
  try {
    const python = join(folder, 'bin/python');
    run(TOOLKIT_PYTHON, ['-m', 'venv', folder]);
    run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
    return await measure(python);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Painter {
  /** Milliseconds of one picture. */
  paint(steps: number): Promise<number>;
  end(): void;
}

interface Match {
  readonly runtime: RuntimeName;
  readonly spec: LaunchSpec;
  readonly steps: number;
  readonly side: number;
  readonly rounds: number;
  readonly warmUps: number;
}

async function against(
  { runtime, spec, steps, side, rounds, warmUps }: Match,
  other: Painter,
  row: { readonly name: string; readonly what: string; readonly goal: number },
): Promise<PerfResult> {
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const launcher = createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders });
  const engine = await launcher.launch(spec, { threads: THREADS });
  try {
    const pairs: { engineMs: number; otherMs: number }[] = [];
    for (let round = 0; round < warmUps + rounds; round++) {
      const startedAt = performance.now();
      const request = { prompt: 'a red fox', seed: 1, steps, guidanceScale: 1, width: side, height: side };
      await engine.generate({ ...request, fresh: true });
      const engineMs = performance.now() - startedAt;
      const otherMs = await other.paint(steps);
      if (round >= warmUps) pairs.push({ engineMs, otherMs });
    }
    const ratios = pairs.map(({ engineMs, otherMs }) => otherMs / engineMs);
    const [engineMs, otherMs] = [median(pairs.map((pair) => pair.engineMs)), median(pairs.map((pair) => pair.otherMs))];
    return {
      ...row,
      value: median(ratios),
      unit: 'ratio',
      goalIs: 'at least',
      spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
      detail: `median ${otherMs.toFixed(1)} ms, the engine ${engineMs.toFixed(1)} ms, over ${rounds} pairs; ${side}x${side}, ${steps} steps without guidance, ${inferencePrecisionOf(spec.variant)}, ${THREADS} threads each`,
    };
  } finally {
    other.end();
    await engine.close();
  }
}

const THREADS = 2;

/** Started, and ready to paint. */
async function painter(python: string, script: string, folder: string, precision = 'f32'): Promise<Painter> {
  const file = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const child: ChildProcess = spawn(python, [file, folder, `${THREADS}`, `${LATENTS.side}`, precision], {
    env: { ...process.env, PYTHONPATH: models, HF_HUB_OFFLINE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let words = '';
  child.stderr?.on('data', (chunk) => {
    words = `${words}${chunk}`.slice(-1000);
  });
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended: ${words}`);
    return String(value);
  };
  await next();
  return {
    async paint(steps) {
      child.stdin?.write(`${steps}\n`);
      return Number(await next());
    },
    end: () => void child.stdin?.end(),
  };
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
}

function versionOf(name: string): string {
  const script = `import importlib.metadata as m; print(m.version("${name}"))`;
  return spawnSync(TOOLKIT_PYTHON, ['-c', script], { cwd: dirname(TOOLKIT_PYTHON), encoding: 'utf8' }).stdout.trim();
}
