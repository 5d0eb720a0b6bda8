// A picture through the engine (child process, tokenizer, noise, scheduler, PNG, frames) ÷ the same graphs in a bare
// loop over the same runtime. Both sides take turns in one run, so that what disturbs the machine disturbs both, and it is
// processor time that is compared, which other work on the machine does not change as it changes latency.
import type { LaunchSpec } from '../../agent/engine/engine.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { startBothSides } from './both-sides.ts';
import { perfSpec, type RuntimeName } from './model.ts';
import { processTimeMs } from './process-time.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

interface Workload {
  readonly name: string;
  readonly spec: LaunchSpec;
  readonly model: string;
  readonly steps: number;
  readonly side: number;
  readonly rounds: number;
  readonly warmUps: number;
}

interface Round {
  readonly engineMs: number;
  readonly bareMs: number;
  readonly engineCpuMs: number;
  readonly bareCpuMs: number;
}

/** The newest released student: pictures of a few milliseconds, in which whatever is fixed counts. */
export async function measurePicture(runtime: RuntimeName): Promise<PerfResult> {
  const spec = perfSpec(runtime);
  const { manifest, variant } = spec;
  return measure(runtime, {
    ...{ name: runtime === 'openvino' ? 'picture-openvino' : 'picture', spec },
    ...{ steps: variant.steps, side: variant.resolution.width, rounds: 150, warmUps: 10 },
    model: `${manifest.model}@${manifest.version}`,
  });
}

/** Stable Diffusion's shape at a quarter of its width, random weights: steps as long as a model that is worth its name takes. */
export async function measureLatentPicture(runtime: RuntimeName): Promise<PerfResult> {
  const { onnx, openvino } = randomPipeline();
  const { spec } = await openFolder(runtime === 'openvino' ? openvino : onnx, undefined);
  return measure(runtime, {
    ...{ name: `picture-latents-${runtime}`, spec, steps: 4, side: 256, rounds: 6, warmUps: 1 },
    model: '86 million random parameters, 256x256',
  });
}

async function measure(runtime: RuntimeName, workload: Workload): Promise<PerfResult> {
  const { rounds, warmUps } = workload;
  const both = await startBothSides(runtime, workload);
  try {
    const taken: Round[] = [];
    for (let round = 0; round < warmUps + rounds; round++) {
      const [engineSide, bareSide] = [
        await timed(both.engine.pid, () => both.paint(round)),
        await timed(both.barePid, both.runBare),
      ];
      if (round < warmUps) continue;
      // What the agent's side of the engine takes counts, what this file takes for the bare loop does not.
      const engineCpuMs = engineSide.cpuMs + engineSide.ownMs;
      taken.push({ engineMs: engineSide.ms, engineCpuMs, bareMs: bareSide.result, bareCpuMs: bareSide.cpuMs });
    }
    return report(runtime, workload, taken, both.engine.threads);
  } finally {
    await both.close();
  }
}

/** @returns milliseconds on the clock, the child's of the processor, and this process's own meanwhile */
async function timed<T>(pid: number, act: () => Promise<T>) {
  const before = processTimeMs(pid);
  const ownBefore = process.cpuUsage();
  const startedAt = performance.now();
  const result = await act();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(ownBefore);
  return { result, ms, cpuMs: processTimeMs(pid) - before, ownMs: (user + system) / 1000 };
}

function report(runtime: RuntimeName, { name, model, steps }: Workload, taken: readonly Round[], threads: number) {
  const middle = (of: keyof Round) => median(taken.map((round) => round[of]));
  const ratios = taken.map(({ engineCpuMs, bareCpuMs }) => engineCpuMs / bareCpuMs);
  return {
    name,
    what: `picture through the engine ÷ bare loop over ${runtime}${name.includes('latents') ? ', a model of 86 million parameters' : ''}`,
    value: middle('engineCpuMs') / middle('bareCpuMs'),
    unit: 'ratio',
    goal: 1.03,
    goalIs: 'at most',
    /** p10 and p90 of the ratios of neighbouring pictures. */
    spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
    detail: `${model}, ${steps} steps, ${threads} threads; processor time, median ${middle('engineCpuMs').toFixed(2)} ms ÷ ${middle('bareCpuMs').toFixed(2)} ms over ${taken.length} pairs; on the clock ${middle('engineMs').toFixed(2)} ms ÷ ${middle('bareMs').toFixed(2)} ms`,
  } satisfies PerfResult;
}

if (import.meta.main)
  for (const runtime of ['onnxruntime', 'openvino'] as const) console.log(await measurePicture(runtime));
