// An engine, and beside it processes with little more than the runtime and the same graphs, to be compared in turns.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../agent/engine/child.ts';
import type { LaunchSpec } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { findOpenVino } from '../../agent/runtime/runtime-folders.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import type { RuntimeName } from './model.ts';

const PROMPT = 'a red circle';

export interface Side<Answer> {
  readonly pid: number;
  run(seed: number): Promise<Answer>;
}

export interface Sides {
  readonly engine: Side<Uint8Array>;
  readonly threads: number;
  /** The same picture, to the byte; for students in pixel space. */
  startPicture(): Promise<Side<Uint8Array>>;
  /** The graphs' runs of such a picture. Answers with their milliseconds. */
  startGraphs(): Promise<Side<number>>;
  close(): Promise<void>;
}

/** @param side of the pictures, in pixels */
export async function startSides(
  runtime: RuntimeName,
  { spec, steps, side }: { readonly spec: LaunchSpec; readonly steps: number; readonly side: number },
): Promise<Sides> {
  const runtimeFolders = runtime === 'openvino' ? [await openVinoRuntimes()] : [];
  const engine = await createEngineLauncher({ clock: systemClock, log: () => {}, runtimeFolders }).launch(spec);
  const { threads } = engine;
  const settings = [join(spec.folder, spec.variant.folder), `${threads}`, runtime, findOpenVino(runtimeFolders) ?? ''];
  const ends: (() => void)[] = [];
  const start = async <Answer>(program: string, asked: (seed: number) => unknown): Promise<Side<Answer>> => {
    const path = fileURLToPath(new URL(program, import.meta.url));
    const env = { ORT_DISABLE_TELEMETRY: '1' };
    // With the engine's own flags: without them V8 takes longer for noise and schedulers.
    const child = fork(path, [...settings, `${side}`], { env, execArgv: NODE_FLAGS, serialization: 'advanced' });
    ends.push(() => child.disconnect());
    await once(child, 'message');
    return {
      pid: child.pid ?? 0,
      async run(seed) {
        child.send(asked(seed) as number);
        const [answer] = (await once(child, 'message')) as [Answer];
        return answer;
      },
    };
  };
  const size = { width: side, height: side };
  const request = (seed: number) => ({ prompt: PROMPT, seed, steps, guidanceScale: 1, ...size, fresh: true });
  return {
    engine: { pid: engine.pid, run: async (seed) => (await engine.generate(request(seed))).png },
    threads,
    startPicture: () => start('./bare-picture.ts', (seed) => ({ prompt: PROMPT, seed, steps })),
    startGraphs: () => start('./bare-graphs.ts', () => steps),
    async close() {
      for (const end of ends) end();
      await engine.close();
    },
  };
}
