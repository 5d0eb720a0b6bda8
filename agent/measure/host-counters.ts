// Counters of the whole machine that only grow: what happened between two readings is their difference.
import { numberAfter, readKernelFile } from './proc.ts';

export interface HostCounters {
  /** CPU time of everything on this machine that was not idle, over all processors. */
  readonly busyMs: number;
  /** CPU time that a hypervisor gave to others. */
  readonly stolenMs: number;
  /** Pages read back from swap. */
  readonly swapIns: number;
}

const TICK_MS = 10;

/** Zeros where /proc has no such counters. */
export async function readHostCounters(): Promise<HostCounters> {
  const [stat, vmstat] = await Promise.all([readKernelFile('/proc/stat'), readKernelFile('/proc/vmstat')]);
  // proc_stat(5): user nice system idle iowait irq softirq steal; guest time is already inside user.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(stat ?? '')?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return {
    busyMs: (user + nice + system + irq + softirq) * TICK_MS,
    stolenMs: steal * TICK_MS,
    swapIns: numberAfter(vmstat, 'pswpin') ?? 0,
  };
}
