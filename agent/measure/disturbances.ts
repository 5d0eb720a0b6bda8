// Whether a run can be trusted: pure, from counters to words.
import type { HostCounters } from './host-counters.ts';

export interface RunConditions {
  readonly wallMs: number;
  readonly cores: number;
  readonly before: HostCounters;
  readonly after: HostCounters;
  /** CPU time of the engine and of the agent itself during the run. */
  readonly ownCpuMs: number;
  /** The CPU probe's milliseconds. */
  readonly probeBeforeMs: number;
  readonly probeAfterMs: number;
  /** Bits of get_throttled that were seen during the run. */
  readonly throttledFlags: number;
}

/** Other processes may take this share of the processors before the run counts as disturbed. */
const OTHERS_SHARE = 0.1;
const STOLEN_SHARE = 0.02;
const PROBE_CHANGE = 1.25;

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
  const probeChange = run.probeAfterMs / run.probeBeforeMs;
  const reasons = [
    othersShare > OTHERS_SHARE && `other processes used ${percent(othersShare)} of the processors`,
    stolenShare > STOLEN_SHARE && `the hypervisor gave ${percent(stolenShare)} of the processors to others`,
    swapIns > 0 && `${swapIns} pages came back from swap`,
    probeChange > PROBE_CHANGE && `the processor was ${percent(probeChange - 1)} slower after the run than before`,
    probeChange < 1 / PROBE_CHANGE &&
      `the processor was ${percent(1 / probeChange - 1)} slower before the run than after`,
    ...THROTTLE_BITS.map(([bit, words]) => (run.throttledFlags & (0x10001 << bit)) !== 0 && `throttling: ${words}`),
  ];
  return reasons.filter((reason) => reason !== false);
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
