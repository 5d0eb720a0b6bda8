// What a second picture size costs on OpenVINO, whose graphs are compiled for a size: memory, and time at each change of size
// where the forms of one size are held, and where those of two are.
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { predictRun } from '../../agent/predict-run.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { median, quantile } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { processTimeMs } from './process-time.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const HEIGHT = 256;
const REQUEST = { prompt: 'a red fox', seed: 1, steps: 2, guidanceScale: 1, height: HEIGHT };
const WIDTHS = [256, 192] as const;
const ROUNDS = 6;

export async function measureSecondSize(): Promise<PerfResult> {
  const { engine, paint } = await started();
  try {
    const usual = await paint(256);
    const [second, again] = [await paint(192), await paint(192)];
    const back = await paint(256);
    return {
      name: 'second-size-openvino',
      what: 'peak memory of an engine after pictures of two sizes ÷ of one, OpenVINO',
      value: back.peakRssBytes / usual.peakRssBytes,
      unit: 'ratio',
      goal: 1.1,
      goalIs: 'at most',
      spread: null,
      detail: `86 million random parameters, 256x256 (${mib(usual.peakRssBytes)}), then 192x256 (${mib(second.peakRssBytes)}) and 256x256 again (${mib(back.peakRssBytes)}), ${engine.threads} threads; processor time of the second size ${second.cpuMs.toFixed(0)} ms, once more ${again.cpuMs.toFixed(0)} ms`,
    };
  } finally {
    await engine.close();
  }
}

export async function measureAlternatingSizes(): Promise<PerfResult> {
  const { engine, opened, paint } = await started();
  const both = async (keepSizes: boolean) => {
    const [wide, narrow] = [await paint(WIDTHS[0], keepSizes), await paint(WIDTHS[1], keepSizes)];
    return { cpuMs: wide.cpuMs + narrow.cpuMs, pngs: [wide.png, narrow.png] };
  };
  try {
    const taken: { one: number; two: number; same: number }[] = [];
    const peaks: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const one = await both(false);
      if (round === 0) peaks.push((await engine.resources()).peakRssBytes);
      await both(true);
      const two = await both(true);
      if (one.pngs.some((png, i) => Buffer.compare(png, two.pngs[i] as Uint8Array) !== 0))
        throw new Error('a picture is another where the forms of two sizes are held');
      let same = 0;
      for (const width of WIDTHS) {
        await paint(width, true);
        same += (await paint(width, true)).cpuMs;
      }
      taken.push({ one: one.cpuMs, two: two.cpuMs, same });
    }
    peaks.push((await engine.resources()).peakRssBytes);
    const [one, two, same] = (['one', 'two', 'same'] as const).map((key) => median(taken.map((each) => each[key]))) as [
      number,
      number,
      number,
    ];
    const ratios = taken.map((each) => each.two / each.same);
    const [onePeak, twoPeak] = peaks as [number, number];
    const asked = { pixels: HEIGHT ** 2, batch: 1, tiled: false, inTurn: false, adapters: [], again: true };
    const { predictedPeakBytes: predictedBytes } = await predictRun(opened, {
      ...asked,
      besidePixels: WIDTHS[1] * HEIGHT,
    });
    return {
      name: 'alternating-sizes-openvino',
      what: 'pictures of two sizes in turns ÷ each size twice in a row, forms of both held, OpenVINO',
      value: two / same,
      unit: 'ratio',
      goal: 1.1,
      goalIs: 'at most',
      spread: { low: quantile(ratios, 0.1), high: quantile(ratios, 0.9) },
      detail: `86 million random parameters, a picture of 256x256 and one of 192x256, 2 steps, ${engine.threads} threads; processor time, medians of ${ROUNDS} rounds: ${two.toFixed(0)} ÷ ${same.toFixed(0)} ms; with the forms of one size held ${one.toFixed(0)} ms; the same bytes; peak ${mib(twoPeak)} (predicted ${mib(predictedBytes)}), of one size held ${mib(onePeak)}`,
    };
  } finally {
    await engine.close();
  }
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

async function started() {
  const opened = await openFolder(randomPipeline().openvino, undefined);
  const variant = { ...opened.spec.variant, resolution: { width: 256, height: HEIGHT } };
  const launcher = createEngineLauncher({
    clock: systemClock,
    log: () => {},
    runtimeFolders: [await openVinoRuntimes()],
  });
  const engine = await launcher.launch({ ...opened.spec, variant });
  const paint = async (width: number, keepSizes = false) => {
    const before = processTimeMs(engine.pid);
    const { png } = await engine.generate({ ...REQUEST, width, keepSizes });
    const { peakRssBytes } = await engine.resources();
    return { png, peakRssBytes, cpuMs: processTimeMs(engine.pid) - before };
  };
  return { engine, opened, paint };
}
