import { describe, expect, it } from 'vitest';
import { conditionsOf, disturbances, type RunConditions } from './disturbances.ts';

const quiet: RunConditions = {
  wallMs: 10_000,
  cores: 4,
  before: { busyMs: 1000, stolenMs: 0, swapIns: 7 },
  after: { busyMs: 31_000, stolenMs: 0, swapIns: 7 },
  ownCpuMs: 29_000,
  probesMs: [10, 12, 11],
  frequencyMhz: { low: 2390, high: 2400 },
  throttledFlags: 0,
};

describe('disturbances', () => {
  it('has nothing to say about a quiet run', () => expect(disturbances(quiet)).toEqual([]));

  it.each([
    [{ ownCpuMs: 20_000 }, 'other processes used 25 % of the processors'],
    [{ after: { ...quiet.after, stolenMs: 4000 } }, 'the hypervisor gave 10 % of the processors to others'],
    [{ after: { ...quiet.after, swapIns: 10 } }, '3 pages came back from swap'],
    [{ probesMs: [10, 11, 15] }, 'the processor was 50 % slower after the run than before'],
    [{ probesMs: [10, 9, 5] }, 'the processor was 100 % slower before the run than after'],
    [{ probesMs: [10, 20, 11] }, 'the processor was 100 % slower at one moment of the run than at another'],
    [{ frequencyMhz: { low: 1500, high: 2400 } }, "the processor's clock changed between 1500 and 2400 MHz"],
    [{ throttledFlags: 0b100 }, 'throttling: throttled by the firmware'],
    [{ throttledFlags: 1 << 16 }, 'throttling: under-voltage'],
  ])('names %o', (over, reason) => expect(disturbances({ ...quiet, ...over })).toEqual([reason]));
});

describe('conditionsOf', () => {
  it('adds up what happened within the stretches, and leaves out what lies between', () => {
    const { probesMs: _, ...first } = quiet;
    const second = {
      ...first,
      before: { busyMs: 90_000, stolenMs: 50, swapIns: 9 },
      after: { busyMs: 100_000, stolenMs: 90, swapIns: 12 },
      ...{ ownCpuMs: 8000, throttledFlags: 4, frequencyMhz: { low: 1500, high: 2300 } },
    };
    const both = conditionsOf([first, second]);
    expect(both).toMatchObject({ wallMs: 20_000, cores: 4, ownCpuMs: 37_000, throttledFlags: 4 });
    expect(both.after.busyMs - both.before.busyMs).toBe(40_000);
    expect(both.after.stolenMs - both.before.stolenMs).toBe(40);
    expect(both.after.swapIns - both.before.swapIns).toBe(3);
    expect(both.frequencyMhz).toEqual({ low: 1500, high: 2400 });
  });

  it('knows no clock where the machine tells none', () => {
    const { probesMs: _, ...silent } = { ...quiet, frequencyMhz: null };
    expect(conditionsOf([silent, silent]).frequencyMhz).toBeNull();
  });
});
