// Whether this device can take a version, decided before the first artifact is fetched. A refusal names the numbers.
import type { InstallationReason } from '../../shared/installation.ts';

export interface AdmissionFacts {
  readonly variant: string;
  readonly runtime: string;
  readonly installedRuntimes: readonly string[];
  /** Peak resident set of an engine that runs the variant, as the publisher measured it. */
  readonly predictedPeakBytes: number;
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
  if (!facts.installedRuntimes.includes(facts.runtime))
    return {
      code: 'runtime_missing',
      message: `variant ${facts.variant} needs the runtime ${facts.runtime}; installed: ${facts.installedRuntimes.join(', ') || 'none'}; "still runtime install ${facts.runtime}" on the device brings it`,
    };
  const memoryBytes = facts.memoryAvailableBytes + facts.memoryReclaimableBytes;
  if (facts.predictedPeakBytes > memoryBytes)
    return {
      code: 'memory_insufficient',
      message: `variant ${facts.variant} needs ${facts.predictedPeakBytes} bytes of memory at its peak, the device has ${memoryBytes} available, ${facts.predictedPeakBytes - memoryBytes} too few`,
    };
  const neededBytes = facts.missingBytes + facts.diskReserveBytes;
  if (facts.missingBytes > 0 && neededBytes > facts.diskFreeBytes)
    return {
      code: 'disk_full',
      message: `${facts.missingBytes} bytes are to be fetched and ${facts.diskReserveBytes} must stay free, the disk has ${facts.diskFreeBytes} free: ${neededBytes - facts.diskFreeBytes} bytes are missing`,
    };
  return null;
}
