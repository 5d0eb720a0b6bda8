// Engines that die, hang or are killed at random moments: the request ends with a clear error, and the next is served.
// STILL_CRASHES=200 tries more of them than a run in CI has time for.
import { afterAll, describe, expect, it } from 'vitest';
import { EngineFault } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { clockOf, specOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const ROUNDS = Number(process.env.STILL_CRASHES ?? 10);
const SEED = Number(process.env.STILL_SEED ?? Date.now() % 1e6);
/** SIGSTOP hangs; the requester's patience ends it. */
const SIGNALS = ['SIGSEGV', 'SIGKILL', 'SIGABRT', 'SIGBUS', 'SIGSTOP'] as const;
const PATIENCE_MS = 400;
const clock = clockOf();
const runtimeFolders = [await openVinoRuntimes()];
const lines: string[] = [];
const log = (line: string) => void lines.push(line);
const engines = new ResidentEngines({
  launcher: createEngineLauncher({ clock, log, runtimeFolders }),
  ...{ threads: 1, clock, log, crashes: { note: () => {}, quarantineOf: () => null }, onCrash: () => {} },
});
afterAll(() => engines.closeAll());

describe.each([
  ['ONNX Runtime', specOf()],
  ['OpenVINO', openVinoSpec()],
])('the agent outlives %s', (_, spec) => {
  it(
    `${ROUNDS} times, seed ${SEED}`,
    async () => {
      const uniform = mulberry32(SEED);
      const request = { prompt: spec.variant.golden.pictures[0]?.prompt ?? '', seed: 1 };
      const wanted = (await (await engines.get(spec)).generate(request)).png;
      let broken = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const signal = SIGNALS[Math.floor(uniform() * SIGNALS.length)] ?? 'SIGKILL';
        const delayMs = uniform() * 100;
        const engine = await engines.get(spec);
        const requester = new AbortController();
        const ended = engine.generate({ ...request, steps: 200, fresh: true }, { signal: requester.signal }).then(
          () => 'a picture',
          (fault: unknown) => (fault instanceof EngineFault ? fault.code : `no EngineFault: ${fault}`),
        );
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        process.kill(engine.pid, signal);
        const stopWaiting = clock.after(PATIENCE_MS, () => requester.abort());
        const end = await ended;
        stopWaiting();
        const about = { seed: SEED, round, signal, delayMs };
        // A picture that was complete before the blow counts, too; its engine is struck while it rests.
        const ends = [signal === 'SIGSTOP' ? 'canceled' : 'killed', 'a picture'];
        expect({ ...about, ends }).toEqual({ ...about, ends: expect.arrayContaining([end]) });
        if (end === 'a picture') await engines.release(spec);
        else broken++;
        await engine.exited;
        const next = await (await engines.get(spec)).generate(request);
        expect({ ...about, same: Buffer.compare(next.png, wanted) }).toEqual({ ...about, same: 0 });
      }
      expect(broken).toBeGreaterThan(0);
    },
    60_000 + ROUNDS * 20_000,
  );
});
