// What a second picture size costs on OpenVINO, whose graphs are compiled for a size: memory, and time the first time.
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { processTimeMs } from './process-time.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const REQUEST = { prompt: 'a red fox', seed: 1, steps: 2, guidanceScale: 1, height: 256 };

export async function measureSecondSize(): Promise<PerfResult> {
  const { spec } = await openFolder(randomPipeline().openvino, undefined);
  const variant = { ...spec.variant, resolution: { width: 256, height: 256 } };
  const launcher = createEngineLauncher({
    clock: systemClock,
    log: () => {},
    runtimeFolders: [await openVinoRuntimes()],
  });
  const engine = await launcher.launch({ ...spec, variant });
  const paint = async (width: number) => {
    const before = processTimeMs(engine.pid);
    await engine.generate({ ...REQUEST, width });
    const { peakRssBytes } = await engine.resources();
    return { peakRssBytes, cpuMs: processTimeMs(engine.pid) - before };
  };
  try {
    const usual = await paint(256);
    const [second, again] = [await paint(192), await paint(192)];
    const back = await paint(256);
    const mib = ({ peakRssBytes }: { peakRssBytes: number }) => `${(peakRssBytes / 2 ** 20).toFixed(0)} MiB`;
    return {
      name: 'second-size-openvino',
      what: 'peak memory of an engine after pictures of two sizes ÷ of one, OpenVINO',
      value: back.peakRssBytes / usual.peakRssBytes,
      unit: 'ratio',
      goal: 1.1,
      goalIs: 'at most',
      spread: null,
      detail: `86 million random parameters, 256x256 (${mib(usual)}), then 192x256 (${mib(second)}) and 256x256 again (${mib(back)}), ${engine.threads} threads; processor time of the second size ${second.cpuMs.toFixed(0)} ms, once more ${again.cpuMs.toFixed(0)} ms`,
    };
  } finally {
    await engine.close();
  }
}
