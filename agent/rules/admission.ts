// Whether this device can take a version, decided before the first artifact is fetched. A refusal names the numbers.
import type { DesiredModel } from '../../shared/desired-state.ts';
import type { InstallationReason } from '../../shared/installation.ts';
import { instructionSetFault, type Processor } from '../../shared/instruction-set.ts';
import type { Variant } from '../../shared/manifest.ts';

export interface AdmissionFacts {
  readonly variant: Pick<Variant, 'name' | 'runtime' | 'instructionSets' | 'measured' | 'inTurnPeakBytes'>;
  readonly installedRuntimes: readonly string[];
  readonly processor: Processor;
  /** What devices of the same class measured. */
  readonly history: DesiredModel['history'];
  /** What the kernel says is available now. */
  readonly memoryAvailableBytes: number;
  /** What the agent's own engines hold and would give back. */
  readonly memoryReclaimableBytes: number;
  readonly missingBytes: number;
  readonly diskFreeBytes: number;
  /** Kept free for the rest of the machine. */
  readonly diskReserveBytes: number;
}

/** @returns null when the device can take it */
export function admissionFault(facts: AdmissionFacts): InstallationReason | null {
  const { variant, installedRuntimes } = facts;
  if (!installedRuntimes.includes(variant.runtime))
    return {
      code: 'runtime_missing',
      message: `variant ${variant.name} needs the runtime ${variant.runtime}; installed: ${installedRuntimes.join(', ') || 'none'}; "still runtime install ${variant.runtime}" on the device brings it`,
    };
  const unsupported = instructionSetFault(variant, facts.processor);
  if (unsupported)
    return { code: 'processor_unsupported', message: `variant ${unsupported}; roll out another variant` };
  const memoryBytes = facts.memoryAvailableBytes + facts.memoryReclaimableBytes;
  const peak = leastPeak(facts);
  if (peak.bytes > memoryBytes)
    return {
      code: 'memory_insufficient',
      message: `variant ${variant.name} needs ${peak.bytes} bytes of memory at its peak (${peak.source}), the device has ${memoryBytes} available, ${peak.bytes - memoryBytes} too few`,
    };
  const shortBytes = diskShortage(facts);
  if (shortBytes > 0)
    return {
      code: 'disk_full',
      message: `${facts.missingBytes} bytes are to be fetched and ${facts.diskReserveBytes} must stay free, the disk has ${facts.diskFreeBytes} free: ${shortBytes} bytes are missing`,
    };
  return null;
}

/** Bytes that the disk lacks; 0 when there is room, or nothing to fetch. */
export function diskShortage({
  missingBytes,
  diskReserveBytes,
  diskFreeBytes,
}: Pick<AdmissionFacts, 'missingBytes' | 'diskReserveBytes' | 'diskFreeBytes'>): number {
  return missingBytes === 0 ? 0 : Math.max(0, missingBytes + diskReserveBytes - diskFreeBytes);
}

/** Of what it takes whole, and of its parts held in turn. */
function leastPeak(facts: AdmissionFacts): { readonly bytes: number; readonly source: string } {
  const whole = predictedPeak(facts);
  const { inTurnPeakBytes } = facts.variant;
  if (inTurnPeakBytes === undefined || inTurnPeakBytes >= whole.bytes) return whole;
  return { bytes: inTurnPeakBytes, source: `predicted with one part held at a time; ${whole.bytes} ${whole.source}` };
}

/** Devices of the same class know it better than the publisher's machine. */
function predictedPeak({ history, variant }: AdmissionFacts): { readonly bytes: number; readonly source: string } {
  if (!history) return { bytes: variant.measured.peakRssBytes, source: `measured on ${variant.measured.machine}` };
  const runs = `${history.runs} ${history.runs === 1 ? 'run' : 'runs'}`;
  return { bytes: history.peakRssBytes, source: `the most in ${runs} on ${history.deviceClass}` };
}
