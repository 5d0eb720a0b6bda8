// Two versions on one device, picture by picture in turn (A B, B A, A B, …), so that what disturbs the machine disturbs
// both, and an effect of the order shows.
import { type BenchComparison, COMPARISON_MODES } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import { compareLatency } from '../../shared/compare-latency.ts';
import { median } from '../../shared/statistics.ts';
import type { Engine, EngineLauncher, EngineSpec } from '../engine/engine.ts';
import { type BenchPrompt, readBenchPrompts } from './bench-prompts.ts';
import { startCounters } from './counters.ts';
import { disturbances } from './disturbances.ts';
import { type Probes, startProbes } from './probes.ts';

export interface ComparisonOptions {
  readonly launcher: EngineLauncher;
  readonly a: EngineSpec;
  readonly b: EngineSpec;
  readonly mode: keyof typeof COMPARISON_MODES;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { stage: string; done: number; total: number }) => void;
}

/** @throws EngineFault when an engine does not load, dies, or the run is canceled */
export async function runComparison(options: ComparisonOptions): Promise<BenchComparison> {
  const { launcher, clock, signal } = options;
  const startedAtMs = clock.now();
  const prompts = await readBenchPrompts(options.a);
  const probes = startProbes(clock);
  await probes.take();
  options.onProgress?.({ stage: 'load', done: 0, total: 2 });
  const engines: Engine[] = [];
  try {
    for (const spec of [options.a, options.b]) engines.push(await launcher.launch(spec, signal ? { signal } : {}));
    const [a, b] = engines as [Engine, Engine];
    const { pairsMs, conditions } = await timePairs(options, { a, b, prompts, probes });
    await probes.take();
    const { probesMs } = probes;
    const disturbed = disturbances({ ...conditions, probesMs });
    return {
      a: await sideOf(
        options.a,
        a,
        pairsMs.map(([ms]) => ms),
      ),
      b: await sideOf(
        options.b,
        b,
        pairsMs.map(([, ms]) => ms),
      ),
      ...{ agentVersion: options.agentVersion, threads: a.threads, pairsMs, probesMs: [...probesMs] },
      disturbances: disturbed,
      verdict: compareLatency(pairsMs, probesMs, disturbed),
      startedAtMs,
      endedAtMs: clock.now(),
    };
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

async function timePairs(
  { mode, clock, signal, onProgress }: ComparisonOptions,
  { a, b, prompts, probes }: { a: Engine; b: Engine; prompts: readonly BenchPrompt[]; probes: Probes },
) {
  const { warmUp, minPairs, maxPairs, maxMs } = COMPARISON_MODES[mode];
  const latencyOf = async (engine: Engine, pair: number) => {
    const { prompt, seed } = prompts[pair % prompts.length] as BenchPrompt;
    const { latencyMs } = await engine.generate({ prompt, seed, fresh: true }, signal ? { signal } : {});
    return Math.round(latencyMs * 1000) / 1000;
  };
  for (let done = 0; done < warmUp; done++) for (const engine of [a, b]) await latencyOf(engine, 0);
  const counters = await startCounters(clock, [a, b]);
  const pairsMs: [number, number][] = [];
  const startedAt = clock.monotonic();
  const unfinished = () =>
    pairsMs.length < minPairs || (pairsMs.length < maxPairs && clock.monotonic() - startedAt < maxMs);
  try {
    while (unfinished()) {
      const pair = pairsMs.length;
      const first = pair % 2 === 0 ? a : b;
      const firstMs = await latencyOf(first, pair);
      const secondMs = await latencyOf(first === a ? b : a, pair);
      pairsMs.push(first === a ? [firstMs, secondMs] : [secondMs, firstMs]);
      onProgress?.({ stage: 'queries', done: pairsMs.length, total: maxPairs });
      await probes.takeIfDue();
    }
    return { pairsMs, conditions: (await counters.read()).conditions };
  } finally {
    counters.stop();
  }
}

async function sideOf({ manifest, variant, versionDigest }: EngineSpec, engine: Engine, latenciesMs: number[]) {
  const { peakRssBytes } = await engine.resources();
  const { model, version } = manifest;
  const latencyMsP50 = median(latenciesMs);
  const { runtimeVersion } = engine;
  return { model, version, versionDigest, variant: variant.name, runtimeVersion, latencyMsP50, peakRssBytes };
}
