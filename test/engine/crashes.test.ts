// Engines that die, hang or are killed at random moments: the request ends with a clear error, and the next is served.
// STILL_CRASHES=200 tries more of them than a run in CI has time for.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { EngineFault } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { clockOf, specOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const ROUNDS = Number(process.env.STILL_CRASHES ?? 10);
const SEED = Number(process.env.STILL_SEED ?? Date.now() % 1e6);
/** SIGSTOP hangs; the requester's patience ends it. `memory`: no allocation succeeds any more. */
const BLOWS = ['SIGSEGV', 'SIGKILL', 'SIGABRT', 'SIGBUS', 'SIGSTOP', 'memory'] as const;
/** One in so many falls while the engine is loaded. */
const LOADING_ONE_IN = 4;
const PATIENCE_MS = 400;
const PAGE_BYTES = 4096;
const clock = clockOf();
const runtimeFolders = [await openVinoRuntimes()];
const lines: string[] = [];
const log = (line: string) => void lines.push(line);
const engines = new ResidentEngines({
  launcher: createEngineLauncher({ clock, log, runtimeFolders }),
  ...{ threads: 1, clock, log, crashes: { note: () => {}, quarantineOf: () => null }, onCrash: () => {} },
});
afterAll(() => engines.closeAll());

type Blow = (typeof BLOWS)[number];

function strike(pid: number, blow: Blow): void {
  if (blow !== 'memory') return void process.kill(pid, blow);
  // The pages that it has, and a little for what is under way.
  const { status } = spawnSync('prlimit', ['--pid', `${pid}`, `--as=${virtualBytes(pid) + 2 ** 20}`]);
  expect(status).toBe(0);
}

const virtualBytes = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[0]) * PAGE_BYTES;

/** Children of this process that were not there before: an engine has no name before it is loaded. */
function children(): number[] {
  const tasks = readdirSync('/proc/self/task');
  return tasks.flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

const codeOf = (fault: unknown): string => (fault instanceof EngineFault ? fault.code : `no EngineFault: ${fault}`);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How an engine may end that is struck like this; one that has no memory left may also say so itself. */
function endsOf(blow: Blow, aborted: string): string[] {
  if (blow === 'SIGSTOP') return [aborted];
  return blow === 'memory' ? ['killed', 'run_failed', 'load_failed', 'memory_insufficient', aborted] : ['killed'];
}

describe.each([
  ['ONNX Runtime', specOf()],
  ['OpenVINO', openVinoSpec()],
])('the agent outlives %s', (_, spec) => {
  const request = { prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: 1 };

  /** @returns how the request ended */
  async function whilePainting(blow: Blow, delayMs: number): Promise<string> {
    const engine = await engines.get(spec);
    const requester = new AbortController();
    const ended = engine
      .generate({ ...request, steps: 200, fresh: true }, { signal: requester.signal })
      .then(() => 'a picture', codeOf);
    await pause(delayMs);
    strike(engine.pid, blow);
    const stopWaiting = clock.after(PATIENCE_MS, () => requester.abort());
    const end = await ended;
    stopWaiting();
    // A picture that was complete before the blow counts, too; its engine is struck while it rests.
    if (blow === 'memory' || end === 'a picture') await engines.release(spec);
    await engine.exited;
    return end;
  }

  /** @returns how the load ended */
  async function whileLoading(blow: Blow, delayMs: number): Promise<string> {
    await engines.release(spec);
    const before = new Set(children());
    const ended = engines.get(spec).then(() => 'an engine', codeOf);
    await pause(delayMs * 5);
    for (const pid of children().filter((one) => !before.has(one))) strike(pid, blow);
    const stopWaiting = clock.after(PATIENCE_MS, () => void engines.release(spec));
    const end = await ended;
    stopWaiting();
    await engines.release(spec);
    return end;
  }

  it(
    `${ROUNDS} times, seed ${SEED}`,
    async () => {
      const uniform = mulberry32(SEED);
      const wanted = (await (await engines.get(spec)).generate(request)).png;
      const ends = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round++) {
        const blow = BLOWS[Math.floor(uniform() * BLOWS.length)] ?? 'SIGKILL';
        const delayMs = uniform() * 100;
        const loading = uniform() * LOADING_ONE_IN < 1;
        const end = await (loading ? whileLoading : whilePainting)(blow, delayMs);
        const about = { seed: SEED, round, blow, delayMs, loading };
        const allowed = [...endsOf(blow, 'canceled'), loading ? 'an engine' : 'a picture'];
        expect({ ...about, allowed }).toEqual({ ...about, allowed: expect.arrayContaining([end]) });
        const what = `${loading ? 'loading' : 'painting'} ${blow}: ${end}`;
        ends.set(what, (ends.get(what) ?? 0) + 1);
        const next = await (await engines.get(spec)).generate(request);
        expect({ ...about, same: Buffer.compare(next.png, wanted) }).toEqual({ ...about, same: 0 });
      }
      if (process.env.STILL_CRASHES) console.log(Object.fromEntries([...ends].sort()));
      expect([...ends.keys()].some((what) => what.endsWith('killed'))).toBe(true);
    },
    60_000 + ROUNDS * 20_000,
  );
});
