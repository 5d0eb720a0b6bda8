// How engines end: crashes, hard cancels, timeouts, orderly, and with their agent.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { timings } from '../../shared/limits.ts';
import { clockOf, eventually, isAlive, specOf } from './fixture.ts';

const spec = specOf();
const launcher = createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders: [] });
function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

const request = { prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: 1 };

it('rejects everything that waits when the process crashes, and names the signal', async () => {
  const engine = await launcher.launch(spec);
  const waiting = [engine.generate({ ...request, steps: 200 }), engine.generate(request)];
  process.kill(engine.pid, 'SIGSEGV');
  for (const picture of waiting)
    await expect(picture).rejects.toMatchObject({
      code: 'killed',
      message: expect.stringContaining('killed by SIGSEGV'),
    });
  expect(await engine.exited).toMatchObject({ signal: 'SIGSEGV', expected: false });
  await expect(engine.generate(request)).rejects.toMatchObject({ code: 'killed' });
});

it('kills an engine that does not stop between two steps', async () => {
  const engine = await launcher.launch(spec);
  const canceler = new AbortController();
  const first = engine.generate({ ...request, steps: 200 }, { signal: canceler.signal });
  const second = engine.generate(request);
  // A stopped process stands for one that sits in a step of many seconds.
  process.kill(engine.pid, 'SIGSTOP');
  const startedAt = performance.now();
  canceler.abort();
  await expect(first).rejects.toMatchObject({ code: 'canceled' });
  expect(performance.now() - startedAt).toBeLessThan(600);
  await expect(second).rejects.toMatchObject({
    code: 'killed',
    message: expect.stringContaining('ended because a canceled request did not stop within 200 ms'),
  });
  expect(await engine.exited).toMatchObject({ signal: 'SIGKILL', expected: true });
  expect(isAlive(engine.pid)).toBe(false);
});

it.each(['evaluate', 'describe'] as const)('takes back what it was asked by %s and does not answer', async (asked) => {
  const engine = await launcher.launch(spec);
  const { png } = await engine.generate(request);
  process.kill(engine.pid, 'SIGSTOP');
  const { signal, abort } = abortable();
  const answer = asked === 'evaluate' ? engine.evaluate(png, signal) : engine.describe(signal);
  abort();
  await expect(answer).rejects.toMatchObject({ code: 'canceled' });
  expect(await engine.exited).toMatchObject({ signal: 'SIGKILL', expected: true });
});

it('kills an engine that hangs in the midst of a request, and counts that as a crash', async () => {
  const real = clockOf();
  const lookMs = timings.engineHangMs / 6;
  const quick = { ...real, after: (ms: number, act: () => void) => real.after(ms === lookMs ? 100 : ms, act) };
  const engine = await createEngineLauncher({ clock: quick, log: () => {} }).launch(spec);
  const picture = engine.generate({ ...request, steps: 200 });
  process.kill(engine.pid, 'SIGSTOP');
  await expect(picture).rejects.toMatchObject({
    code: 'killed',
    message: expect.stringContaining('it hung: it took no processor time for 30 s in the midst of a request'),
  });
  expect(await engine.exited).toMatchObject({
    signal: 'SIGKILL',
    expected: false,
    killedFor: expect.stringContaining('it hung'),
  });
});

it('ends when asked, by force when it does not answer', async () => {
  const [quick, stuck] = await Promise.all([launcher.launch(spec), launcher.launch(spec)]);
  await quick.close();
  expect(await quick.exited).toEqual({ code: 0, signal: null, expected: true, killedFor: null });
  process.kill(stuck.pid, 'SIGSTOP');
  await stuck.close();
  expect(await stuck.exited).toEqual({ code: null, signal: 'SIGKILL', expected: true, killedFor: null });
  await stuck.close();
});

it('gives up a load that takes too long', async () => {
  const impatient = createEngineLauncher({ clock: clockOf(20), log: () => {} });
  await expect(impatient.launch(spec)).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('300 s'),
  });
});

it('gives up a load that is not wanted any more', async () => {
  const canceler = new AbortController();
  const loading = launcher.launch(spec, { signal: canceler.signal });
  canceler.abort();
  await expect(loading).rejects.toMatchObject({ code: 'canceled' });
  await expect(launcher.launch(spec, { signal: canceler.signal })).rejects.toMatchObject({ code: 'canceled' });
});

it('refuses a runtime that this agent does not have, and judging without an evaluator', async () => {
  const variant = { ...spec.variant, runtime: 'openvino' as const };
  await expect(launcher.launch({ ...spec, variant })).rejects.toMatchObject({ code: 'runtime_missing' });
  const { evaluation, ...manifest } = spec.manifest;
  const engine = await launcher.launch({ ...spec, manifest });
  await expect(engine.evaluate(new Uint8Array())).rejects.toMatchObject({ code: 'no_evaluator' });
  await engine.close();
});

it('ends with its agent, even one that is killed', async () => {
  const agent = spawn(process.execPath, [fileURLToPath(new URL('./short-lived-agent.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => agent.stdout.once('data', (line) => resolve(Number(line))));
  expect(isAlive(pid)).toBe(true);
  agent.kill('SIGKILL');
  await eventually(() => !isAlive(pid));
});

it('starts engines with what reports to a maker switched off', async () => {
  const engine = await launcher.launch(spec);
  expect(readFileSync(`/proc/${engine.pid}/environ`, 'utf8').split('\0')).toContain('ORT_DISABLE_TELEMETRY=1');
  await engine.close();
});
