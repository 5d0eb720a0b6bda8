// What an engine of OpenVINO costs until it can make pictures, with the forms that an earlier one left on the disk and without.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { median } from '../../shared/statistics.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { processTimeMs } from './process-time.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';

const ROUNDS = 5;

export async function measureCachedLoad(): Promise<PerfResult> {
  const { spec } = await openFolder(randomPipeline().openvino, undefined);
  const plain = { ...spec, variant: { ...spec.variant, resolution: { width: 256, height: 256 } } };
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-compiled-'));
  const launcher = createEngineLauncher({
    clock: systemClock,
    log: () => {},
    runtimeFolders: [await openVinoRuntimes()],
  });
  const load = async (compiledFolder?: string) => {
    const engine = await launcher.launch(compiledFolder === undefined ? plain : { ...plain, compiledFolder });
    const { compiled, loadedBytes, loadMs } = engine;
    const cpuMs = processTimeMs(engine.pid);
    await engine.close();
    return { fromCache: compiled?.fromCache ?? 0, loadedBytes, loadMs, cpuMs };
  };
  try {
    const filling = await load(folder);
    const without: Load[] = [];
    const cached: Load[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      without.push(await load());
      cached.push(await load(folder));
    }
    if (cached.some(({ fromCache }) => fromCache === 0)) throw new Error('nothing came from the cache');
    const ratios = cached.map(({ cpuMs }, i) => cpuMs / (without[i]?.cpuMs ?? Number.NaN));
    const of = (loads: readonly Load[], what: keyof Load) => median(loads.map((one) => one[what]));
    const mib = (loads: readonly Load[]) => `${(of(loads, 'loadedBytes') / 2 ** 20).toFixed(0)} MiB`;
    const ms = (loads: readonly Load[]) => `${of(loads, 'cpuMs').toFixed(0)} ms (${of(loads, 'loadMs').toFixed(0)} ms)`;
    return {
      name: 'cached-load-openvino',
      what: 'processor time until an engine is ready with compiled forms on the disk ÷ without, OpenVINO',
      value: median(ratios),
      unit: 'ratio',
      goal: 0.8,
      goalIs: 'at most',
      spread: { low: Math.min(...ratios), high: Math.max(...ratios) },
      detail: `86 million random parameters at 256x256, ${ROUNDS} engines of each in turn; processor time (and time) with ${ms(cached)}, without ${ms(without)}, the first, which writes them, ${ms([filling])}; peak memory when loaded ${mib(cached)} with, ${mib(without)} without; ${(bytesIn(folder) / 1e6).toFixed(1)} MB on the disk`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Load = Readonly<Record<'fromCache' | 'loadedBytes' | 'loadMs' | 'cpuMs', number>>;

const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
