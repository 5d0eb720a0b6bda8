// A picture through the engine (child process, tokenizer, noise, scheduler, PNG, frames) ÷ the same graphs in a bare
// loop over the same runtime. Both sides take turns in one run, so that what disturbs the machine disturbs both.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { findOpenVino } from '../../agent/runtime/runtime-folders.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { perfSpec, type RuntimeName } from './model.ts';
import type { PerfResult } from './result.ts';

const WARM_UPS = 10;
const ROUNDS = 150;

export async function measurePicture(runtime: RuntimeName): Promise<PerfResult> {
  const spec = perfSpec(runtime);
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const { steps, folder } = spec.variant;
  const engine = await createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders }).launch(spec);
  const bare = fork(
    fileURLToPath(new URL('./bare-loop.ts', import.meta.url)),
    [join(spec.folder, folder), `${engine.threads}`, runtime, findOpenVino(runtimeFolders) ?? ''],
    { env: { ORT_DISABLE_TELEMETRY: '1' }, execArgv: [] },
  );
  try {
    await once(bare, 'message');
    const pairs: { engineMs: number; bareMs: number }[] = [];
    for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
      const startedAt = performance.now();
      await engine.generate({ prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: round, fresh: true });
      const engineMs = performance.now() - startedAt;
      bare.send(steps);
      const [bareMs] = (await once(bare, 'message')) as [number];
      if (round >= WARM_UPS) pairs.push({ engineMs, bareMs });
    }
    return report(
      runtime,
      pairs,
      `${spec.manifest.model}@${spec.manifest.version}, ${steps} steps, ${engine.threads} threads`,
    );
  } finally {
    bare.disconnect();
    await engine.close();
  }
}

function report(
  runtime: RuntimeName,
  pairs: readonly { readonly engineMs: number; readonly bareMs: number }[],
  model: string,
): PerfResult {
  const ratios = pairs.map(({ engineMs, bareMs }) => engineMs / bareMs);
  const [engineMs, bareMs] = [median(pairs.map((pair) => pair.engineMs)), median(pairs.map((pair) => pair.bareMs))];
  return {
    name: runtime === 'openvino' ? 'picture-openvino' : 'picture',
    what: `picture through the engine ÷ bare loop over ${runtime}`,
    value: engineMs / bareMs,
    unit: 'ratio',
    goal: 1.03,
    goalIs: 'at most',
    /** p10 and p90 of the ratios of neighbouring pictures. */
    spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
    detail: `${model}; median ${engineMs.toFixed(2)} ms ÷ ${bareMs.toFixed(2)} ms over ${pairs.length} pairs`,
  };
}

if (import.meta.main)
  for (const runtime of ['onnxruntime', 'openvino'] as const) console.log(await measurePicture(runtime));
