// What is said when a disk turns out to be full in the midst of something.
import type { InstallationReason } from '../../shared/installation.ts';
import { limits } from '../../shared/limits.ts';

export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'].includes((error as { code?: string } | null)?.code ?? '');

/** @param neededBytes still to be written */
export function noSpace(
  what: string,
  { neededBytes, freeBytes }: { neededBytes: number; freeBytes: number },
): InstallationReason {
  const missingBytes = Math.max(1, neededBytes + limits.diskReserveBytes - freeBytes);
  return {
    code: 'disk_full',
    message: `no space left for ${what}: ${neededBytes} bytes are still to be written and ${limits.diskReserveBytes} must stay free, the disk has ${freeBytes} free: ${missingBytes} bytes are missing`,
  };
}
