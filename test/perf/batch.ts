// A picture of a batch ÷ the same picture made alone, by two engines in turns: processor time, which other work on the machine
// does not change as it changes latency. One engine would be compiled anew at each turn by OpenVINO, or hold the forms of both.
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
  const launcher = createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders });
  const engines = [await launcher.launch(spec), await launcher.launch(spec)] as const;
  const [single, batched] = engines;
  try {
    const taken: { alone: number; together: number }[] = [];
    for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
      const [alone, together] = [await perPicture(single, 1, round), await perPicture(batched, BATCH, round)];
      if (round >= WARM_UPS) taken.push({ alone, together });
    }
    const [alone, together] = [median(taken.map((one) => one.alone)), median(taken.map((one) => one.together))];
    const ratios = taken.map((one) => one.together / one.alone);
    const { manifest, variant } = spec;
    const memory = `peak memory ${await peakMiB(batched)} MiB, alone ${await peakMiB(single)} MiB`;
    return {
      name: runtime === 'openvino' ? 'batch-openvino' : 'batch',
      what: `picture of a batch of ${BATCH} ÷ picture alone over ${runtime}`,
      value: together / alone,
      unit: 'ratio',
      goal: 1,
      goalIs: 'at most',
      spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
      detail: `${manifest.model}@${manifest.version} ${variant.name}, ${single.threads} threads; processor time, median ${together.toFixed(2)} ms ÷ ${alone.toFixed(2)} ms over ${ROUNDS} rounds; ${memory}`,
    };
  } finally {
    for (const engine of engines) await engine.close();
  }
}

const peakMiB = async (engine: ProcessEngine): Promise<string> =>
  ((await engine.resources()).peakRssBytes / 2 ** 20).toFixed(1);

async function perPicture(engine: ProcessEngine, batch: number, seed: number): Promise<number> {
  const before = processTimeMs(engine.pid);
  await engine.generateBatch({ prompt: 'a red circle', seed, batch, fresh: true });
  return (processTimeMs(engine.pid) - before) / batch;
}
