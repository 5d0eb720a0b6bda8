// What the processes beside an engine have in common: they open graphs with the engine's own settings and answer messages.
import { join } from 'node:path';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import type { Session } from '../../agent/runtime/runtime.ts';

export interface Bare {
  readonly folder: string;
  /** Of the pictures, in pixels. */
  readonly side: number;
  load(part: string): Promise<Session>;
}

/** As the command line of this process says: folder, threads, runtime, its libraries, side. */
export async function openBare(): Promise<Bare> {
  const [folder = '', threads = '1', name = 'onnxruntime', libraries = '', side = '64'] = process.argv.slice(2);
  const runtime = await openRuntime(name === 'openvino' ? name : 'onnxruntime', libraries || null);
  const load = (part: string) => runtime.load(join(folder, part, runtime.graphFile), { threads: Number(threads) });
  return { folder, side: Number(side), load };
}

/** Answers each message, and ends with its parent. */
export function answerEach<Asked>(answer: (asked: Asked) => Promise<unknown>): void {
  process.on('message', async (asked) => process.send?.(await answer(asked as Asked)));
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
