import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Lifetime } from './lifetime.ts';
import { migrate } from './migrate.ts';

const HOUR_MS = 3600_000;
const NOW_MS = Date.UTC(2026, 0, 1);

/** A machine whose two clocks a test sets. */
function machine() {
  const database = new Database(':memory:');
  migrate(database);
  const clocks = { wallMs: NOW_MS, monotonicMs: 0 };
  const pass = (ms: number) => {
    clocks.wallMs += ms;
    clocks.monotonicMs += ms;
  };
  const clock = { now: () => clocks.wallMs, monotonic: () => clocks.monotonicMs, after: () => () => {} };
  return { clocks, pass, start: () => new Lifetime(database, clock) };
}

describe('the time of deadlines', () => {
  it.each([
    ['a clock that is set from 1970', 56 * 365 * 24 * HOUR_MS],
    ['a clock that is set back', -72 * HOUR_MS],
  ])('does not move with %s', (_, jumpMs) => {
    const { clocks, pass, start } = machine();
    const lifetime = start();
    const before = lifetime.now();
    clocks.wallMs += jumpMs;
    expect(lifetime.now()).toBe(before);
    pass(1000);
    expect(lifetime.now()).toBe(before + 1000);
    expect(lifetime.onTheWall(lifetime.now() + 500)).toBe(clocks.wallMs + 500);
  });

  it('goes on over a restart by what the clock says, never backwards, and by an hour at most', () => {
    const { clocks, pass, start } = machine();
    const first = start();
    pass(10 * 60_000);
    first.keep();
    const kept = first.now();
    pass(20 * 60_000);
    expect(start().now(), 'the clock on the wall ran on').toBe(kept + 20 * 60_000);
    pass(48 * HOUR_MS);
    expect(start().now(), 'and is not believed without end').toBe(kept + HOUR_MS);
    clocks.wallMs = 1000;
    expect(start().now(), 'a start in 1970').toBe(kept);
  });

  it('begins where the clock stands', () => expect(machine().start().now()).toBe(NOW_MS));
});
