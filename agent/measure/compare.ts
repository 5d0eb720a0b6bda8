// Two versions on one device, picture by picture in turn (A B, B A, A B, …), so that what disturbs the machine disturbs
// both, and an effect of the order shows. The engines are started anew for each of the run's stretches.
import { type BenchComparison, COMPARISON_MODES } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import { compareLatency, STRETCHES } from '../../shared/compare-latency.ts';
import { median } from '../../shared/statistics.ts';
import type { Engine, EngineLauncher, EngineSpec, Painted } from '../engine/engine.ts';
import { type BenchPrompt, readBenchPrompts } from './bench-prompts.ts';
import { startCounters } from './counters.ts';
import { type Conditions, conditionsOf, disturbances } from './disturbances.ts';
import { type Probes, startProbes } from './probes.ts';

export interface ComparisonOptions {
  readonly launcher: EngineLauncher;
  readonly a: EngineSpec;
  readonly b: EngineSpec;
  readonly mode: keyof typeof COMPARISON_MODES;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** As in a bench, of both engines of each stretch. */
  readonly observe: (painted: Painted) => Promise<unknown>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { stage: string; done: number; total: number }) => void;
}

/** What one pair of engines gave. */
interface Launch {
  readonly pairsMs: readonly Pair[];
  readonly conditions: Conditions;
  readonly a: Ran;
  readonly b: Ran;
}

type Pair = [number, number];

interface Ran {
  readonly runtimeVersion: string;
  readonly threads: number;
  readonly peakRssBytes: number;
}

/** From here on a picture's own work has long filled the caches anew. */
const LONG_MS = 1000;

/** @throws EngineFault when an engine does not load, dies, or the run is canceled */
export async function runComparison(options: ComparisonOptions): Promise<BenchComparison> {
  const { clock, agentVersion } = options;
  const startedAtMs = clock.now();
  const prompts = await readBenchPrompts(options.a);
  const probes = startProbes(clock);
  await probes.take();
  const launches: Launch[] = [];
  while (launches.length < STRETCHES) launches.push(await runLaunch(options, { launches, prompts, probes }));
  await probes.take();
  const { probesMs } = probes;
  const pairsMs = launches.flatMap((launch) => launch.pairsMs);
  const disturbed = disturbances({ ...conditionsOf(launches.map(({ conditions }) => conditions)), probesMs });
  const ran = { a: launches.map(({ a }) => a), b: launches.map(({ b }) => b) };
  return {
    a: sideOf(options.a, ran.a, { latencyMsP50: median(pairsMs.map(([ms]) => ms)) }),
    b: sideOf(options.b, ran.b, { latencyMsP50: median(pairsMs.map(([, ms]) => ms)) }),
    ...{ agentVersion, threads: (ran.a[0] as Ran).threads, pairsMs, probesMs: [...probesMs] },
    disturbances: disturbed,
    verdict: compareLatency(pairsMs, probesMs, disturbed),
    ...{ startedAtMs, endedAtMs: clock.now() },
  };
}

/** One of the run's stretches, with engines of its own: two of one version differ, too. */
async function runLaunch(
  options: ComparisonOptions,
  so: { launches: readonly Launch[]; prompts: readonly BenchPrompt[]; probes: Probes },
): Promise<Launch> {
  const { launcher, signal, onProgress, observe } = options;
  onProgress?.({ stage: 'load', done: so.launches.length, total: STRETCHES });
  const engines: Engine[] = [];
  try {
    for (const spec of [options.a, options.b]) engines.push(await launcher.launch(spec, signal ? { signal } : {}));
    const [a, b] = engines as [Engine, Engine];
    const warm = await warmUp(options, { ...so, a, b });
    const timed = await timePairs(options, { ...so, a, b });
    for (const painted of warm) await observe(painted);
    return { ...timed, a: await ranOf(a), b: await ranOf(b) };
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

/** @returns the last picture of each */
async function warmUp(
  options: ComparisonOptions,
  { a, b, prompts }: { a: Engine; b: Engine; prompts: readonly BenchPrompt[] },
): Promise<readonly Painted[]> {
  const sides = [
    { spec: options.a, engine: a },
    { spec: options.b, engine: b },
  ];
  let last: readonly Painted[] = [];
  for (let done = 0; done < COMPARISON_MODES[options.mode].warmUp; done++) {
    const painted: Painted[] = [];
    for (const side of sides)
      painted.push({ ...side, made: await paint(side.engine, prompts[0] as BenchPrompt, options.signal) });
    for (const one of painted) await options.observe(one);
    last = painted;
  }
  return last;
}

function paint(engine: Engine, { prompt, seed }: BenchPrompt, signal: AbortSignal | undefined) {
  return engine.generate({ prompt, seed, fresh: true }, signal ? { signal } : {});
}

async function timePairs(
  { mode, clock, signal, onProgress }: ComparisonOptions,
  of: { a: Engine; b: Engine; launches: readonly Launch[]; prompts: readonly BenchPrompt[]; probes: Probes },
): Promise<Pick<Launch, 'pairsMs' | 'conditions'>> {
  const { a, b, launches, prompts, probes } = of;
  const { minPairs, maxPairs, maxMs } = COMPARISON_MODES[mode];
  const before = launches.reduce((sum, { pairsMs }) => sum + pairsMs.length, 0);
  const latencyOf = async (engine: Engine, pair: number) => {
    const { latencyMs } = await paint(engine, prompts[(before + pair) % prompts.length] as BenchPrompt, signal);
    return Math.round(latencyMs * 1000) / 1000;
  };
  const counters = await startCounters(clock, [a, b]);
  const pairsMs: Pair[] = [];
  const startedAt = clock.monotonic();
  // The first launch sees how many pairs there is time for; each has as many, half of them with A first.
  const wanted = launches[0]?.pairsMs.length;
  const unfinished = () =>
    pairsMs.length % 2 === 1 ||
    pairsMs.length < (wanted ?? minPairs / STRETCHES) ||
    (wanted === undefined &&
      pairsMs.length < maxPairs / STRETCHES &&
      clock.monotonic() - startedAt < maxMs / STRETCHES);
  try {
    while (unfinished()) {
      const pair = pairsMs.length;
      const [first, second] = pair % 2 === 0 ? [a, b] : [b, a];
      // The pair before ended with the one that is first now: both are to come after the other's work, with its caches.
      if (Math.max(...(pairsMs.at(-1) ?? [0])) < LONG_MS) await latencyOf(second, pair);
      const firstMs = await latencyOf(first, pair);
      const secondMs = await latencyOf(second, pair);
      pairsMs.push(first === a ? [firstMs, secondMs] : [secondMs, firstMs]);
      onProgress?.({
        stage: 'queries',
        done: before + pairsMs.length,
        total: wanted === undefined ? maxPairs : wanted * STRETCHES,
      });
      await probes.takeIfDue();
    }
    return { pairsMs, conditions: (await counters.read()).conditions };
  } finally {
    counters.stop();
  }
}

async function ranOf(engine: Engine): Promise<Ran> {
  const { peakRssBytes } = await engine.resources();
  return { runtimeVersion: engine.runtimeVersion, threads: engine.threads, peakRssBytes };
}

function sideOf(
  { manifest, variant, versionDigest }: EngineSpec,
  ran: readonly Ran[],
  { latencyMsP50 }: { latencyMsP50: number },
) {
  const { model, version } = manifest;
  const { runtimeVersion } = ran[0] as Ran;
  const peakRssBytes = Math.max(...ran.map((one) => one.peakRssBytes));
  return { model, version, versionDigest, variant: variant.name, runtimeVersion, latencyMsP50, peakRssBytes };
}
