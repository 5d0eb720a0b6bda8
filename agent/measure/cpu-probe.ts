// A fixed piece of work, timed: the same machine in the same state needs the same time for it.
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock } from '../../shared/clock.ts';
import { sleep } from '../sleep.ts';

const ROUNDS = 5;
const ITERATIONS = 10_000;
/** Between two rounds: what runs for a few milliseconds, a process that starts say, must not pass for the machine's state. */
const PAUSE_MS = 20;

/** Milliseconds of the quickest of five rounds. Runs in Node's thread pool, so that the event loop stays free. */
export async function cpuProbe(clock: Clock): Promise<number> {
  let quickestMs = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await sleep(clock, PAUSE_MS);
    const startedAt = clock.monotonic();
    await promisify(pbkdf2)('probe', 'salt', ITERATIONS, 32, 'sha256');
    quickestMs = Math.min(quickestMs, clock.monotonic() - startedAt);
  }
  return quickestMs;
}
