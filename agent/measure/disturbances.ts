// Whether a run can be trusted: pure, from counters to words.
import type { HostCounters } from './host-counters.ts';

export interface RunConditions {
  readonly wallMs: number;
  readonly cores: number;
  readonly before: HostCounters;
  readonly after: HostCounters;
  /** CPU time of the engine and of the agent itself during the run. */
  readonly ownCpuMs: number;
  /** The CPU probe's milliseconds: before the run, between its queries, and after it. */
  readonly probesMs: readonly number[];
  /** Lowest and highest clock that was seen; null where the machine does not tell. */
  readonly frequencyMhz: { readonly low: number; readonly high: number } | null;
  /** Bits of get_throttled that were seen during the run. */
  readonly throttledFlags: number;
}

/** Of a stretch of a run, whose probes stand by themselves. */
export type Conditions = Omit<RunConditions, 'probesMs'>;

/** Other processes may take this share of the processors before the run counts as disturbed. */
const OTHERS_SHARE = 0.1;
const STOLEN_SHARE = 0.02;
const PROBE_CHANGE = 1.25;
const FREQUENCY_CHANGE = 1.1;

/** Bits 0-3 say "now", 16-19 the same "since": Raspberry Pi documentation, vcgencmd get_throttled. */
const THROTTLE_BITS = [
  [0, 'under-voltage'],
  [1, 'the frequency was capped'],
  [2, 'throttled by the firmware'],
  [3, 'at the soft temperature limit'],
] as const;

/** One sentence a reason; empty when nothing disturbed the run. */
export function disturbances(run: RunConditions): string[] {
  const capacityMs = Math.max(1, run.wallMs * run.cores);
  const othersShare = (run.after.busyMs - run.before.busyMs - run.ownCpuMs) / capacityMs;
  const stolenShare = (run.after.stolenMs - run.before.stolenMs) / capacityMs;
  const swapIns = run.after.swapIns - run.before.swapIns;
  const [before = 0, after = 0] = [run.probesMs[0], run.probesMs.at(-1)];
  const probeChange = after / before;
  const [quickest, slowest] = [Math.min(...run.probesMs), Math.max(...run.probesMs)];
  const { low, high } = run.frequencyMhz ?? { low: 1, high: 1 };
  const reasons = [
    othersShare > OTHERS_SHARE && `other processes used ${percent(othersShare)} of the processors`,
    stolenShare > STOLEN_SHARE && `the hypervisor gave ${percent(stolenShare)} of the processors to others`,
    swapIns > 0 && `${swapIns} pages came back from swap`,
    probeChange > PROBE_CHANGE && `the processor was ${percent(probeChange - 1)} slower after the run than before`,
    probeChange < 1 / PROBE_CHANGE &&
      `the processor was ${percent(1 / probeChange - 1)} slower before the run than after`,
    // Worse in the midst of the run than at both its ends.
    slowest > PROBE_CHANGE * Math.max(before, after) &&
      `the processor was ${percent(slowest / quickest - 1)} slower at one moment of the run than at another`,
    high > FREQUENCY_CHANGE * low &&
      `the processor's clock changed between ${Math.round(low)} and ${Math.round(high)} MHz`,
    ...THROTTLE_BITS.map(([bit, words]) => (run.throttledFlags & (0x10001 << bit)) !== 0 && `throttling: ${words}`),
  ];
  return reasons.filter((reason) => reason !== false);
}

/** Of several stretches of one run, what lies between them left out. */
export function conditionsOf(stretches: readonly Conditions[]): Conditions {
  const none = { busyMs: 0, stolenMs: 0, swapIns: 0 };
  const total = (of: (one: Conditions) => number) => stretches.reduce((sum, one) => sum + of(one), 0);
  const clocks = stretches.flatMap(({ frequencyMhz }) => frequencyMhz ?? []);
  return {
    ...{ wallMs: total(({ wallMs }) => wallMs), cores: stretches[0]?.cores ?? 1, before: none },
    after: {
      busyMs: total(({ before, after }) => after.busyMs - before.busyMs),
      stolenMs: total(({ before, after }) => after.stolenMs - before.stolenMs),
      swapIns: total(({ before, after }) => after.swapIns - before.swapIns),
    },
    ownCpuMs: total(({ ownCpuMs }) => ownCpuMs),
    throttledFlags: stretches.reduce((flags, one) => flags | one.throttledFlags, 0),
    frequencyMhz:
      clocks.length === 0
        ? null
        : { low: Math.min(...clocks.map(({ low }) => low)), high: Math.max(...clocks.map(({ high }) => high)) },
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
