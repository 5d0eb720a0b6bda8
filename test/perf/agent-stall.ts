// How long the agent's event loop is held up while an engine loads and generates: a timer of 5 ms says how late it is.
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { quantile } from '../../shared/statistics.ts';
import { perfSpec } from './model.ts';
import type { PerfResult } from './result.ts';

const TICK_MS = 5;
const ROUNDS = 5;
const PICTURES = 20;

export async function measureAgentStall(): Promise<PerfResult> {
  const spec = perfSpec();
  const launcher = createEngineLauncher({ clock: systemClock, log: () => {} });
  const idle = watchTicks();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const idleMs = idle.stop();
  const busy = watchTicks();
  for (let round = 0; round < ROUNDS; round++) {
    const engine = await launcher.launch(spec);
    for (let seed = 0; seed < PICTURES; seed++)
      await engine.generate({ prompt: 'a picture', seed }, { onProgress: () => {} });
    await engine.close();
  }
  const latenessMs = busy.stop();
  return {
    name: 'agent-stall',
    what: 'event-loop stall of the agent while an engine loads and generates, p99',
    value: quantile(latenessMs, 0.99),
    unit: 'ms',
    goal: 50,
    goalIs: 'at most',
    spread: { low: quantile(latenessMs, 0.5), high: Math.max(...latenessMs) },
    detail: `spread is median to longest; ${latenessMs.length} ticks over ${ROUNDS} loads and ${ROUNDS * PICTURES} pictures; idle p99 ${quantile(idleMs, 0.99).toFixed(1)} ms`,
  };
}

function watchTicks() {
  const latenessMs: number[] = [];
  let previous = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    latenessMs.push(Math.max(0, now - previous - TICK_MS));
    previous = now;
  }, TICK_MS);
  return {
    stop() {
      clearInterval(timer);
      return latenessMs;
    },
  };
}

if (import.meta.main) console.log(await measureAgentStall());
