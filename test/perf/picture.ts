// A picture through the engine (child process, frames, checks, clocks, progress, cancel) ÷ a bare loop over the same
// runtime. For a student it is the loop that makes the same PNG; for a pipeline of latents it is less than that, the graphs
// alone. The sides take turns in one run, so that what disturbs the machine disturbs both, and it is processor time that is
// compared, which other work on the machine does not change as it changes latency.
import type { LaunchSpec } from '../../agent/engine/engine.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { perfSpec, type RuntimeName, studentOnOpenVino } from './model.ts';
import { processTimeMs } from './process-time.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';
import { type Side, startSides } from './sides.ts';

interface Workload {
  readonly name: string;
  readonly what: string;
  readonly spec: LaunchSpec;
  readonly model: string;
  readonly steps: number;
  readonly side: number;
  readonly rounds: number;
  readonly warmUps: number;
}

interface Taken {
  readonly ms: number;
  readonly cpuMs: number;
}

/** The newest released student: pictures of a few milliseconds, in which whatever is fixed counts. */
export async function measurePicture(runtime: RuntimeName): Promise<PerfResult> {
  const spec = runtime === 'openvino' ? studentOnOpenVino() : perfSpec();
  const { manifest, variant } = spec;
  const workload: Workload = {
    name: runtime === 'openvino' ? 'picture-openvino' : 'picture',
    what: `picture through the engine ÷ the same PNG in a bare loop over ${runtime}`,
    model: `${manifest.model}@${manifest.version}`,
    ...{ spec, steps: variant.steps, side: variant.resolution.width, rounds: 300, warmUps: 20 },
  };
  const sides = await startSides(runtime, workload);
  try {
    const [bare, graphs] = [await sides.startPicture(), await sides.startGraphs()];
    await requireSame(sides.engine, bare);
    const taken = await takeTurns(workload, [sides.engine, bare, graphs]);
    const alone = `its graphs alone ${cpuMedian(taken(2)).toFixed(2)} ms`;
    return report(workload, [taken(0), taken(1)], `${sides.threads} threads; ${alone}`);
  } finally {
    await sides.close();
  }
}

/** Stable Diffusion's shape at a quarter of its width, random weights: steps as long as a model that is worth its name takes. */
export async function measureLatentPicture(runtime: RuntimeName): Promise<PerfResult> {
  const { onnx, openvino } = randomPipeline();
  const { spec } = await openFolder(runtime === 'openvino' ? openvino : onnx, undefined);
  const workload: Workload = {
    name: `picture-latents-${runtime}`,
    what: `picture through the engine ÷ its graphs alone over ${runtime}, a model of 86 million parameters`,
    model: '86 million random parameters, 256x256',
    ...{ spec, steps: 4, side: 256, rounds: 12, warmUps: 1 },
  };
  const sides = await startSides(runtime, workload);
  try {
    const taken = await takeTurns(workload, [sides.engine, await sides.startGraphs()]);
    return report(workload, [taken(0), taken(1)], `${sides.threads} threads`);
  } finally {
    await sides.close();
  }
}

async function requireSame(engine: Side<Uint8Array>, bare: Side<Uint8Array>): Promise<void> {
  const [painted, alike] = [await engine.run(1), await bare.run(1)];
  if (Buffer.compare(painted, alike) !== 0) throw new Error('the bare loop makes another picture than the engine');
}

/** What each side took. Each round begins with another one: the first after a pause finds other caches than those behind it. */
async function takeTurns(
  { rounds, warmUps }: Workload,
  sides: readonly Side<unknown>[],
): Promise<(side: number) => Taken[]> {
  const taken: Taken[][] = sides.map(() => []);
  for (let round = 0; round < warmUps + rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const index = (round + turn) % sides.length;
      const one = await timed(sides[index] as Side<unknown>, round);
      if (round >= warmUps) taken[index]?.push(one);
    }
  }
  return (side) => taken[side] ?? [];
}

/** On the clock, and of the processor: the child's, and this process's own meanwhile. */
async function timed({ pid, run }: Side<unknown>, seed: number): Promise<Taken> {
  const before = processTimeMs(pid);
  const ownBefore = process.cpuUsage();
  const startedAt = performance.now();
  await run(seed);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(ownBefore);
  return { ms, cpuMs: processTimeMs(pid) - before + (user + system) / 1000 };
}

const cpuMedian = (taken: readonly Taken[]): number => median(taken.map(({ cpuMs }) => cpuMs));
const clockMedian = (taken: readonly Taken[]): number => median(taken.map(({ ms }) => ms));

/** The median of the ratios of neighbours: a machine's own speed changes within a run. */
function report(
  { name, what, model, steps }: Workload,
  [engine, bare]: readonly [readonly Taken[], readonly Taken[]],
  more: string,
): PerfResult {
  const ratios = engine.map(({ cpuMs }, i) => cpuMs / (bare[i] as Taken).cpuMs);
  const [cpu, clock] = [cpuMedian, clockMedian].map((of) => `${of(engine).toFixed(2)} ms ÷ ${of(bare).toFixed(2)} ms`);
  return {
    ...{ name, what, value: median(ratios), unit: 'ratio', goal: 1.03, goalIs: 'at most' },
    /** p10 and p90 of the ratios of neighbouring pictures. */
    spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
    detail: `${model}, ${steps} steps, ${more}; processor time, median ${cpu} over ${ratios.length} rounds; on the clock ${clock}`,
  };
}
