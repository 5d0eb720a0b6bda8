// A whole bench run over a real engine process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { EngineLauncher, EngineSpec, Painted } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { runBench } from '../../agent/measure/bench.ts';
import { runComparison } from '../../agent/measure/compare.ts';
import { observeMemory } from '../../agent/picture-memory.ts';
import { predictFor } from '../../agent/plan-memory.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { systemRandomness } from '../../agent/system-clock.ts';
import { BENCH_MODES, BenchComparison, BenchResult, COMPARISON_MODES } from '../../shared/bench.ts';
import { clockOf, isAlive, specOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const spec = specOf();
const clock = clockOf();
const pids: number[] = [];
const real = createEngineLauncher({ clock, log: () => {} });
const launcher: EngineLauncher = {
  async launch(...order) {
    const engine = await real.launch(...order);
    pids.push(engine.pid);
    return engine;
  },
};

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-benches-'));
const store = openStore({ folder, clock, randomness: systemRandomness, onReport: () => {} });
const crashes = { note: () => {}, quarantineOf: () => null };
const engines = new ResidentEngines({ launcher, clock, crashes, onCrash: () => {}, log: () => {} });
const observe = (painted: Painted) => observeMemory({ store, engines }, painted);

/** The next engine of the version is predicted to take what this one took. */
async function expectLearned(spec: EngineSpec, { peakRssBytes }: { peakRssBytes: number }) {
  const { togetherBytes } = await predictFor(store, spec);
  // The two are read one after the other.
  expect(Math.abs(togetherBytes - peakRssBytes)).toBeLessThan(500_000);
}

afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

it('measures what the contract asks for', async () => {
  const stages: string[] = [];
  const onProgress = ({ stage }: { stage: string }) => stages.push(stage);
  const result = await runBench({ launcher, spec, mode: 'probe', agentVersion: '0.1.0', clock, observe, onProgress });
  expect(BenchResult.parse(result)).toEqual(result);
  expect([...new Set(stages)]).toEqual(['load', 'warm-up', 'queries', 'quality']);
  expect(result.samples.length).toBeGreaterThanOrEqual(BENCH_MODES.probe.minQueries);
  expect(result.coldLatencyMs).toBeGreaterThan(result.latencyMsP50 * 0.9);
  expect(result.peakRssBytes).toBeGreaterThan(result.anonymousBytes);
  expect(result.mappedBytes).toBeGreaterThan(1e6);
  expect(result.stepsMsP50).toHaveLength(spec.variant.steps);
  expect(result.roundTripMsP50).toBeGreaterThan(result.latencyMsP50 * 0.9);
  expect(result.probesMs?.length).toBeGreaterThanOrEqual(2);
  expect(result.runtimeBuild).toMatch(/^ORT Build Info: .*build type=Release/);
  expect(result.cpuShare).toBeGreaterThan(0.1);
  expect(result.quality?.pictures).toHaveLength(
    Math.min(BENCH_MODES.probe.qualityPrompts, spec.manifest.evaluation?.prompts ?? 0),
  );
  await expectLearned(spec, result);
  expect(pids.some(isAlive)).toBe(false);
}, 60_000);

it('names the kernels of a variant for OpenVINO', async () => {
  const runtimeFolders = [await openVinoRuntimes()];
  const launcher = createEngineLauncher({ clock, log: () => {}, runtimeFolders });
  const result = await runBench({
    launcher,
    spec: openVinoSpec(),
    mode: 'probe',
    agentVersion: '0.1.0',
    clock,
    observe,
  });
  expect(BenchResult.parse(result)).toEqual(result);
  expect(result.compiled).toEqual({ anew: 2, fromCache: 0 });
  expect(result.runtimeBuild).toMatch(/^OpenVINO 2026/);
  const unet = result.kernels?.filter(({ graph }) => graph === 'unet') ?? [];
  expect(unet.map(({ operator }) => operator)).toContain('Convolution');
  expect(result.cpuFeatures).toContain(process.arch === 'arm64' ? 'asimd' : 'sse4_2');
}, 300_000);

it('compares two versions in turn', async () => {
  const options = { launcher, agentVersion: '0.1.0', clock, observe, mode: 'quick' } as const;
  const b = { ...spec, versionDigest: '1'.repeat(64) };
  const slower = { ...b, versionDigest: '2'.repeat(64), variant: { ...spec.variant, steps: spec.variant.steps * 4 } };
  const faster = await runComparison({ ...options, a: slower, b });
  expect(BenchComparison.parse(faster)).toEqual(faster);
  expect(faster.pairsMs.length).toBeGreaterThanOrEqual(COMPARISON_MODES.quick.minPairs);
  // A machine that something else uses may make it refuse; it may never say the opposite.
  expect(['b-faster', 'unknown']).toContain(faster.verdict.kind);
  expect(faster.verdict.ratio).toBeLessThan(0.7);
  await expectLearned(slower, faster.a);
  await expectLearned(b, faster.b);
  expect(pids.some(isAlive)).toBe(false);
}, 120_000);

it('refuses a size that the model cannot make, as a picture would', async () => {
  const settings = { width: 8, height: 8 };
  const run = runBench({ launcher, spec, mode: 'probe', agentVersion: '0.1.0', clock, observe, settings });
  const { width, height } = spec.variant.resolution;
  await expect(run).rejects.toMatchObject({
    code: 'size_not_supported',
    message: `size: 8x8 is not possible; this model makes ${width}x${height} only`,
  });
});

it('ends its engine when it is canceled', async () => {
  const canceler = new AbortController();
  const onProgress = ({ stage, done }: { stage: string; done: number }) =>
    stage === 'queries' && done === 3 && canceler.abort();
  const options = {
    launcher,
    spec,
    mode: 'quick',
    agentVersion: '0.1.0',
    clock,
    observe,
    signal: canceler.signal,
  } as const;
  await expect(runBench({ ...options, onProgress })).rejects.toMatchObject({ code: 'canceled' });
  expect(pids.some(isAlive)).toBe(false);
});

it('names the evaluation set that it cannot read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-bench-'));
  const run = runBench({ launcher, spec: { ...spec, folder }, mode: 'probe', agentVersion: '0.1.0', clock, observe });
  await expect(run).rejects.toMatchObject({ code: 'load_failed', message: expect.stringContaining('ENOENT') });
  rmSync(folder, { recursive: true });
});
