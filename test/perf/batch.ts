// A picture of a batch ÷ the same picture made alone, by one engine in turns: processor time, which other work on the
// machine does not change as it changes latency.
import type { ProcessEngine } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { perfSpec, type RuntimeName } from './model.ts';
import { processTimeMs } from './process-time.ts';
import type { PerfResult } from './result.ts';

const BATCH = 4;
const ROUNDS = 40;
const WARM_UPS = 5;

export async function measureBatch(runtime: RuntimeName): Promise<PerfResult> {
  const spec = perfSpec(runtime);
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const engine = await createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders }).launch(spec);
  try {
    const taken: { alone: number; together: number }[] = [];
    const { peakRssBytes: before } = await peakAfter(engine, 1);
    for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
      const [alone, together] = [await perPicture(engine, 1, round), await perPicture(engine, BATCH, round)];
      if (round >= WARM_UPS) taken.push({ alone, together });
    }
    const { peakRssBytes } = await engine.resources();
    const [alone, together] = [median(taken.map((one) => one.alone)), median(taken.map((one) => one.together))];
    const ratios = taken.map((one) => one.together / one.alone);
    const { manifest, variant } = spec;
    const memory = `peak memory ${(peakRssBytes / 2 ** 20).toFixed(1)} MiB, alone ${(before / 2 ** 20).toFixed(1)} MiB`;
    return {
      name: runtime === 'openvino' ? 'batch-openvino' : 'batch',
      what: `picture of a batch of ${BATCH} ÷ picture alone over ${runtime}`,
      value: together / alone,
      unit: 'ratio',
      goal: 1,
      goalIs: 'at most',
      spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
      detail: `${manifest.model}@${manifest.version} ${variant.name}, ${engine.threads} threads; processor time, median ${together.toFixed(2)} ms ÷ ${alone.toFixed(2)} ms over ${ROUNDS} rounds; ${memory}`,
    };
  } finally {
    await engine.close();
  }
}

async function peakAfter(engine: ProcessEngine, batch: number) {
  await perPicture(engine, batch, 0);
  return engine.resources();
}

async function perPicture(engine: ProcessEngine, batch: number, seed: number): Promise<number> {
  const before = processTimeMs(engine.pid);
  await engine.generateBatch({ prompt: 'a red circle', seed, batch, fresh: true });
  return (processTimeMs(engine.pid) - before) / batch;
}
