// The peak of an engine that painted ÷ that of a process which ran the same graphs with nothing around them.
import { readProcess } from '../../agent/engine/read-process.ts';
import { openFolder } from '../../agent/open-folder.ts';
import type { RuntimeName } from './model.ts';
import { randomPipeline } from './random-pipeline.ts';
import type { PerfResult } from './result.ts';
import { startSides } from './sides.ts';

const PICTURES = 4;
const SIDE = 256;
const STEPS = 4;

export async function measurePeakMemory(runtime: RuntimeName): Promise<PerfResult> {
  const { onnx, openvino } = randomPipeline();
  const { spec } = await openFolder(runtime === 'openvino' ? openvino : onnx, undefined);
  const sides = await startSides(runtime, { spec, steps: STEPS, side: SIDE });
  try {
    const graphs = await sides.startGraphs();
    for (let seed = 0; seed < PICTURES; seed++) {
      await sides.engine.run(seed);
      await graphs.run(seed);
    }
    const [engine, bare] = await Promise.all([sides.engine.pid, graphs.pid].map(readProcess));
    if (!engine || !bare) throw new Error('a process told no memory');
    const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
    return {
      name: `peak-memory-${runtime}`,
      what: `peak memory of the engine ÷ of a bare loop over ${runtime}, a model of 86 million parameters`,
      value: engine.peakRssBytes / bare.peakRssBytes,
      unit: 'ratio',
      goal: 1.1,
      goalIs: 'at most',
      spread: null,
      detail: `86 million random parameters, ${SIDE}x${SIDE}, ${STEPS} steps, ${PICTURES} pictures each, ${sides.threads} threads; ${mib(engine.peakRssBytes)} ÷ ${mib(bare.peakRssBytes)} MiB`,
    };
  } finally {
    await sides.close();
  }
}
