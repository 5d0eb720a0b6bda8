// An engine, and beside it a process with nothing but the runtime and the same graphs (bare-loop.ts), to be compared in turns.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LaunchSpec, ProcessEngine } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { findOpenVino } from '../../agent/runtime/runtime-folders.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import type { RuntimeName } from './model.ts';

export interface BothSides {
  readonly engine: ProcessEngine;
  readonly barePid: number;
  /** A picture of the engine. */
  paint(seed: number): Promise<unknown>;
  /** The graphs' runs of such a picture. @returns their milliseconds */
  runBare(): Promise<number>;
  close(): Promise<void>;
}

/** @param side of the pictures, in pixels */
export async function startBothSides(
  runtime: RuntimeName,
  { spec, steps, side }: { readonly spec: LaunchSpec; readonly steps: number; readonly side: number },
): Promise<BothSides> {
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const engine = await createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders }).launch(spec);
  const folder = join(spec.folder, spec.variant.folder);
  const libraries = findOpenVino(runtimeFolders) ?? '';
  const bare = fork(
    fileURLToPath(new URL('./bare-loop.ts', import.meta.url)),
    [folder, `${engine.threads}`, runtime, libraries, `${side}`, `${side}`],
    { env: { ORT_DISABLE_TELEMETRY: '1' }, execArgv: [] },
  );
  await once(bare, 'message');
  const size = { width: side, height: side };
  return {
    ...{ engine, barePid: bare.pid ?? 0 },
    paint: (seed) => engine.generate({ prompt: 'a red circle', seed, steps, guidanceScale: 1, ...size, fresh: true }),
    async runBare() {
      bare.send(steps);
      const [ms] = (await once(bare, 'message')) as [number];
      return ms;
    },
    async close() {
      bare.disconnect();
      await engine.close();
    },
  };
}
