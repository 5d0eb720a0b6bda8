// What a step costs beside its graph: scheduler, guidance, tensors, the runtime's binding, progress. The U-Net gives its sample
// back, twice a step (guidance), over latents of 64x64x4; each scheduler in turn, the slowest counts.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { median } from '../../shared/statistics.ts';
import { passThrough } from '../engine/random-model.ts';
import { processTimeMs } from './process-time.ts';
import type { PerfResult } from './result.ts';

const SCHEDULERS = ['ddim', 'pndm', 'euler', 'euler-ancestral', 'dpm++', 'dpm++-sde', 'unipc'];
/** The small decoder of this folder makes 2x2 pixels of a latent. */
const SIDE = 128;
const [SHORT, LONG] = [10, 110];
const PAIRS = 9;
/** In which V8 compiles the code. */
const UNCOUNTED = 2;

export async function measureStepOverhead(): Promise<PerfResult> {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-step-'));
  try {
    cpSync(fileURLToPath(new URL('../fixtures/pipelines/sd', import.meta.url)), folder, { recursive: true });
    writeFileSync(join(folder, 'unet', 'model.onnx'), passThrough(4, 32));
    const { spec } = await openFolder(folder, undefined);
    const engine = await createEngineLauncher({ clock: systemClock, log: () => {} }).launch(spec, { threads: 1 });
    const bySchedulerMs: [string, number][] = [];
    for (const scheduler of SCHEDULERS) bySchedulerMs.push([scheduler, await stepMs(engine, scheduler)]);
    await engine.close();
    return report(bySchedulerMs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processor time of a step: a long picture's less a short one's, so that what a picture costs once falls out. */
async function stepMs(engine: Engine, scheduler: string): Promise<number> {
  const taken: number[] = [];
  for (let pair = 0; pair < UNCOUNTED + PAIRS; pair++) {
    const shortMs = await pictureMs(engine, scheduler, SHORT);
    const longMs = await pictureMs(engine, scheduler, LONG);
    if (pair >= UNCOUNTED) taken.push((longMs - shortMs) / (LONG - SHORT));
  }
  return median(taken);
}

async function pictureMs(engine: Engine, scheduler: string, steps: number): Promise<number> {
  const before = processTimeMs(engine.pid);
  const request = { prompt: 'a red fox', seed: steps, steps, guidanceScale: 7.5, width: SIDE, height: SIDE };
  await engine.generate({ ...request, scheduler, fresh: true }, { onProgress: () => {} });
  return processTimeMs(engine.pid) - before;
}

function report(bySchedulerMs: readonly (readonly [string, number])[]): PerfResult {
  const values = bySchedulerMs.map(([, ms]) => ms);
  const list = bySchedulerMs.map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(', ');
  return {
    name: 'step-overhead',
    what: 'a step at 64x64x4 latents without its graph, the slowest scheduler',
    value: Math.max(...values),
    unit: 'ms',
    goal: 1,
    goalIs: 'at most',
    spread: { low: Math.min(...values), high: Math.max(...values) },
    detail: `processor time of the engine with guidance and progress, one thread, medians of ${PAIRS}: ${list} ms`,
  };
}

if (import.meta.main) console.log(await measureStepOverhead());
