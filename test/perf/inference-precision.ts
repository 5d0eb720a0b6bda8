// What computing in 16 bits gains, and what it costs in likeness: two engines over one folder, in turns.
import type { ProcessEngine } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const REQUEST = { prompt: 'a red fox', steps: 2, guidanceScale: 1, width: 256, height: 256, fresh: true };
const ROUNDS = 15;
/** Of each engine, which compiles with the first. */
const WARM_UPS = 2;

/** @returns null where this processor computes in f32 alone */
export async function measureInferencePrecision(): Promise<PerfResult | null> {
  const { openvino } = randomPipeline();
  const { spec, told } = await openFolder(openvino, undefined);
  const [, precision] = told.inferencePrecisions;
  if (!precision) return null;
  const runtimeFolders = [await openVinoRuntimes()];
  const launcher = createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders });
  const wide = await launcher.launch(spec);
  const narrow = await launcher.launch((await openFolder(openvino, undefined, precision)).spec);
  try {
    const pairs: { wideMs: number; narrowMs: number; levels: number }[] = [];
    for (let seed = 0; seed < ROUNDS + WARM_UPS; seed++) {
      const [one, other] = [await paint(wide, seed), await paint(narrow, seed)];
      const difference = pictureDifference(other.png, one.png);
      if (difference.kind !== 'compared') throw new Error(difference.message);
      const levels = difference.meanAbsoluteDifference;
      if (seed >= WARM_UPS) pairs.push({ wideMs: one.ms, narrowMs: other.ms, levels });
    }
    const ratios = pairs.map(({ wideMs, narrowMs }) => narrowMs / wideMs);
    const levels = pairs.map((pair) => pair.levels);
    const [widePeak, narrowPeak] = [(await wide.resources()).peakRssBytes, (await narrow.resources()).peakRssBytes];
    const [narrowMs, wideMs] = [median(pairs.map((pair) => pair.narrowMs)), median(pairs.map((pair) => pair.wideMs))];
    return {
      name: 'inference-precision',
      what: `a picture in ${precision} ÷ in f32, OpenVINO, same graphs`,
      value: median(ratios),
      unit: 'ratio',
      goal: 0.75,
      goalIs: 'at most',
      spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
      detail: `median ${narrowMs.toFixed(1)} ÷ ${wideMs.toFixed(1)} ms over ${ROUNDS} seeds; 86 million random parameters, 256x256, 2 steps, ${wide.threads} threads; pictures ${median(levels).toFixed(2)} of 255 levels apart (${Math.max(...levels).toFixed(2)} at most); peak ${mib(narrowPeak)} ÷ ${mib(widePeak)}`,
    };
  } finally {
    await Promise.all([wide.close(), narrow.close()]);
  }
}

async function paint(engine: ProcessEngine, seed: number) {
  const startedAt = performance.now();
  const { png } = await engine.generate({ ...REQUEST, seed });
  return { png, ms: performance.now() - startedAt };
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
