// A server's world for tests: a real store in a folder of its own, a clock that stands still until it is moved,
// randomness from a seed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../server/store/open-store.ts';
import type { LogLevel, World } from '../../server/store/world.ts';
import type { Clock } from '../../shared/clock.ts';
import { mulberry32 } from '../../shared/statistics.ts';

export interface TestWorld extends World {
  readonly folder: string;
  readonly logged: { level: LogLevel; message: string; details: Readonly<Record<string, unknown>> | undefined }[];
  /** Moves the clock on. */
  pass(ms: number): void;
  end(): Promise<void>;
}

const START_MS = Date.UTC(2026, 0, 1);

export async function makeWorld({
  seed = 1,
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-server-')),
} = {}): Promise<TestWorld> {
  const store = await openStore(folder);
  let nowMs = START_MS;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (delayMs, action) => {
      const timer = setTimeout(action, delayMs);
      return () => clearTimeout(timer);
    },
  };
  const uniform = mulberry32(seed);
  const logged: TestWorld['logged'] = [];
  return {
    store,
    clock,
    randomness: { uniform, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(uniform() * 256)) },
    log: (level, message, details) => logged.push({ level, message, details }),
    folder,
    logged,
    pass: (ms) => {
      nowMs += ms;
    },
    end: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
