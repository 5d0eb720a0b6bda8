// Parts of the agent that have no test of their own beside them because they need a fake engine.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { Crashes } from '../../agent/store/crashes.ts';
import { migrate } from '../../agent/store/migrate.ts';
import { systemClock } from '../../agent/system-clock.ts';
import { startTelemetry } from '../../agent/telemetry.ts';
import type { Clock } from '../../shared/clock.ts';
import { limits, timings } from '../../shared/limits.ts';
import type { Telemetry } from '../../shared/messages.ts';
import { FakeEngines } from './fake-engines.ts';

const spec = (version: string) =>
  ({
    ...{ versionDigest: version, folder: '/nowhere' },
    manifest: { model: 'scenes', version },
    variant: { name: 'v', steps: 1, resolution: { width: 1, height: 1 }, measured: { peakRssBytes: 1 } },
  }) as unknown as EngineSpec;

/** Time passes when the test says so. */
class HandClock implements Clock {
  private nowMs = 0;
  private waiting: { atMs: number; action: () => void }[] = [];
  now = () => this.nowMs;
  monotonic = () => this.nowMs;
  after = (delayMs: number, action: () => void) => {
    const entry = { atMs: this.nowMs + delayMs, action };
    this.waiting.push(entry);
    return () => {
      this.waiting = this.waiting.filter((one) => one !== entry);
    };
  };
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.waiting.filter(({ atMs }) => atMs <= this.nowMs);
    this.waiting = this.waiting.filter(({ atMs }) => atMs > this.nowMs);
    for (const { action } of due) action();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The store's own, in memory. */
function crashesOf(clock: Clock): Crashes {
  const database = new Database(':memory:');
  migrate(database);
  return new Crashes(database, clock, () => {});
}

describe('Crashes', () => {
  it('are counted once each in the report that is written with them', () => {
    const place = { versionDigest: 'a'.repeat(64), variant: 'v' };
    const told: (number | undefined)[] = [];
    const database = new Database(':memory:');
    migrate(database);
    const crashes: Crashes = new Crashes(database, systemClock, () => told.push(crashes.quarantineOf(place)?.crashes));
    for (let crash = 0; crash < 4; crash++) {
      crashes.note(place, 'SIGKILL');
      crashes.write();
    }
    expect(told).toEqual([undefined, undefined, 3, 4]);
  });
});

describe('ResidentEngines', () => {
  const make = (clock: Clock = systemClock) => {
    const fake = new FakeEngines();
    const lines: string[] = [];
    return {
      fake,
      lines,
      engines: new ResidentEngines({
        ...{ launcher: fake.launcher, threads: 2, clock, crashes: crashesOf(clock) },
        onCrash: () => {},
        log: (line) => lines.push(line),
      }),
    };
  };

  it('starts an engine once, whoever asks', async () => {
    const { fake, engines } = make();
    const [one, other] = await Promise.all([engines.get(spec('1')), engines.get(spec('1'))]);
    expect(one).toBe(other);
    expect(fake.launches).toEqual(['1']);
    expect(engines.loaded()).toEqual([one]);
  });

  it('starts it again after a crash, but not without end, and again when some time has passed', async () => {
    const clock = new HandClock();
    const { fake, engines, lines } = make(clock);
    for (let crash = 0; crash < 3; crash++) {
      await engines.get(spec('1'));
      for (const engine of fake.alive) engine.die();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await expect(engines.get(spec('1'))).rejects.toThrow(
      /scenes@1 failed 3 times in a short while, the last time because it ended by itself: SIGKILL; it is left alone for 30 more minutes/,
    );
    expect(lines).toHaveLength(3);
    await engines.get(spec('2'));
    await clock.pass(29 * 60_000);
    await expect(engines.get(spec('1'))).rejects.toThrow(/for 1 more minute, or/);
    await clock.pass(60_000);
    await engines.get(spec('1'));
  });

  it('says of one that hung that it hung, not that it ended by itself', async () => {
    const { fake, engines, lines } = make(new HandClock());
    for (let crash = 0; crash < 3; crash++) {
      await engines.get(spec('1'));
      for (const engine of fake.alive) engine.die('it hung: it took no processor time for 30 s');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await expect(engines.get(spec('1'))).rejects.toThrow(
      /failed 3 times .* because it hung: it took no processor time/,
    );
    expect(lines.at(-1)).toBe('the engine of scenes@1 failed: it hung: it took no processor time for 30 s');
  });

  it('does not count an engine that was closed as a crash', async () => {
    const { engines, lines } = make();
    for (let turn = 0; turn < 5; turn++) {
      await engines.get(spec('1'));
      await engines.release(spec('1'));
    }
    await engines.get(spec('1'));
    expect(lines).toEqual([]);
  });

  it('stops a load that nobody wants any more, and forgets one that failed', async () => {
    const { fake, engines } = make();
    fake.loadMs = 60_000;
    const loading = engines.get(spec('1'));
    await engines.release(spec('1'));
    await expect(loading).rejects.toThrow('canceled');
    fake.loadMs = 1;
    fake.loadFault = 'bad graph';
    await expect(engines.get(spec('1'))).rejects.toThrow('bad graph');
    fake.loadFault = null;
    await engines.get(spec('1'));
  });

  it('closes all that was ever started, benches too', async () => {
    const { fake, engines } = make();
    await engines.get(spec('1'));
    await engines.launcher.launch(spec('2'));
    expect(fake.alive.size).toBe(2);
    await engines.closeAll();
    expect(fake.alive.size).toBe(0);
  });
});

describe('telemetry', () => {
  it('comes at its interval, waits for a connection, and forgets the oldest', async () => {
    const clock = new HandClock();
    const fake = new FakeEngines();
    const quiet = { onCrash: () => {}, log: () => {} };
    const engines = new ResidentEngines({ launcher: fake.launcher, clock, crashes: crashesOf(clock), ...quiet });
    await engines.get(spec('1'));
    const sent: Telemetry[] = [];
    let isConnected = true;
    let isBusy = true;
    const stop = startTelemetry({ measure: fake.measure, engines, clock, isBusy: () => isBusy }, (telemetry) => {
      if (isConnected) sent.push(telemetry);
      return isConnected;
    });
    await clock.pass(timings.telemetryIntervalMs);
    expect(sent).toMatchObject([{ samples: [{ atMs: timings.telemetryIntervalMs, engineRssBytes: 120e6, load1: 0 }] }]);
    isConnected = false;
    for (let n = 0; n < limits.telemetrySamplesPerMessage + 5; n++) await clock.pass(timings.telemetryIntervalMs);
    isConnected = true;
    await clock.pass(timings.telemetryIntervalMs);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.samples).toHaveLength(limits.telemetrySamplesPerMessage);
    expect(sent[1]?.samples.at(-1)?.atMs).toBe(clock.now());
    isBusy = false;
    await clock.pass(timings.telemetryIntervalMs);
    await clock.pass(timings.idleTelemetryIntervalMs - 1);
    expect(sent, 'an idle device says little').toHaveLength(3);
    await clock.pass(1);
    expect(sent).toHaveLength(4);
    stop();
    await clock.pass(timings.idleTelemetryIntervalMs);
    expect(sent).toHaveLength(4);
    await engines.closeAll();
  });
});
