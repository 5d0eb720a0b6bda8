// How long a cancel takes, from the abort to the acknowledged stop: at moments of chance within a picture, and right after
// a step was reached. The worst counts.
import { EngineFault } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { perfSpec, type RuntimeName } from './model.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const ROUNDS = 40;
/** Of a model whose steps take longer than a cancel may: each ends in a kill where the runtime cannot be broken off. */
const LARGE_ROUNDS = 16;
/** Enough that no picture is finished before its cancel. */
const STEPS = 200;
const LATEST_MS = { any: 50, step: 0, large: 1500 };

/** `large`: at any moment within pictures of 256x256 by a model of 86 million parameters. */
export type CancelMoment = 'any' | 'step' | 'large';

async function specFor(runtime: RuntimeName, moment: CancelMoment) {
  if (moment !== 'large') return perfSpec(runtime);
  const { onnx, openvino } = randomPipeline();
  const { spec } = await openFolder(runtime === 'openvino' ? openvino : onnx, undefined);
  return { ...spec, variant: { ...spec.variant, resolution: { width: 256, height: 256 } } };
}

export async function measureCancel(runtime: RuntimeName, moment: CancelMoment): Promise<PerfResult> {
  const spec = await specFor(runtime, moment);
  const rounds = moment === 'large' ? LARGE_ROUNDS : ROUNDS;
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const launcher = createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders });
  const seed = Math.floor(Math.random() * 2 ** 32);
  const stopMs: number[] = [];
  let engine = await launcher.launch(spec);
  let restarts = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const stopped = await stop(engine, moment, seed + round);
      if (stopped.ms !== null) stopMs.push(stopped.ms);
      if (stopped.alive) continue;
      await engine.exited;
      engine = await launcher.launch(spec);
      restarts++;
    }
  } finally {
    await engine.close();
  }
  const goal = moment === 'step' ? 50 : 250;
  return {
    name: `cancel${moment === 'any' ? '' : `-${moment}`}-${runtime}`,
    what: `cancel ${WHEN[moment]} to its acknowledged stop, ${runtime}, the longest`,
    value: Math.max(...stopMs),
    unit: 'ms',
    goal,
    goalIs: 'at most',
    spread: { low: quantile(stopMs, 0.5), high: quantile(stopMs, 0.9) },
    detail: `spread is median to p90 of ${stopMs.length} cancels; seed ${seed}; ${restarts} engines had to be killed for it`,
  };
}

const WHEN = { any: 'at any moment', step: 'between two steps', large: 'within long steps' } as const;

type Engine = Awaited<ReturnType<ReturnType<typeof createEngineLauncher>['launch']>>;

/** An engine that does not stop in time is killed for it, so that the next request finds it gone. */
async function stop(
  engine: Engine,
  moment: CancelMoment,
  seed: number,
): Promise<{ ms: number | null; alive: boolean }> {
  const aborting = new AbortController();
  let abortedAt = 0;
  const abort = () => {
    if (aborting.signal.aborted) return;
    abortedAt = performance.now();
    aborting.abort();
  };
  const at = 1 + (seed % 20);
  const onProgress = ({ stage, done }: { readonly stage: string; readonly done: number }) => {
    if (moment === 'step' && stage === 'denoise' && done === at) abort();
  };
  const timer = moment === 'step' ? null : setTimeout(abort, ((seed % 1000) / 1000) * LATEST_MS[moment]);
  const request = { prompt: 'a picture', seed, steps: STEPS, fresh: true };
  try {
    await engine.generate(request, { signal: aborting.signal, onProgress });
  } catch (error) {
    const code = error instanceof EngineFault ? error.code : null;
    if (code === 'killed') return { ms: null, alive: false };
    if (aborting.signal.aborted) return { ms: performance.now() - abortedAt, alive: true };
    throw error;
  } finally {
    if (timer) clearTimeout(timer);
  }
  throw new Error(`the picture was finished before its cancel at seed ${seed}; give it more than ${STEPS} steps`);
}

if (import.meta.main)
  for (const runtime of ['onnxruntime', 'openvino'] as const)
    for (const moment of ['any', 'step', 'large'] as const) console.log(await measureCancel(runtime, moment));
