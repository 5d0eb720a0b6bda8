// Energy of the processor package by Intel's and AMD's counters (Linux powercap), where root made them readable.
import { readKernelFile } from './proc.ts';

const PACKAGE = '/sys/class/powercap/intel-rapl:0';

export interface EnergyCounter {
  readonly microjoules: number;
  /** Where it begins again at 0. */
  readonly range: number;
}

export async function readEnergy(): Promise<EnergyCounter | null> {
  const [energy, range] = await Promise.all([
    readKernelFile(`${PACKAGE}/energy_uj`),
    readKernelFile(`${PACKAGE}/max_energy_range_uj`),
  ]);
  const [microjoules, whole] = [Number.parseInt(energy ?? '', 10), Number.parseInt(range ?? '', 10)];
  return Number.isFinite(microjoules) && Number.isFinite(whole) ? { microjoules, range: whole } : null;
}

/** Joules between two readings, at most one turn of the counter apart; null where there is no counter. */
export function joulesBetween(before: EnergyCounter | null, after: EnergyCounter | null): number | null {
  if (!before || !after) return null;
  const difference = after.microjoules - before.microjoules;
  return (difference < 0 ? difference + after.range : difference) / 1e6;
}
